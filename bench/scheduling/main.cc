/// How well the policies schedule: the broker's core in virtual time, over products of tools.
/// `landseer-bench-scheduling [--seeds N] [--case NAME] [--json|--document] [--plot FILE]`
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/machine.h"
#include "bench/scheduling/cases.h"
#include "bench/scheduling/plot.h"
#include "bench/scheduling/report.h"

using namespace landseer::bench;

int main(int argc, char** argv) {
  CLI::App app("Measures how well the policies schedule, in virtual time.");
  std::uint64_t seeds = 20;
  std::string only;
  std::string plot;
  bool as_json = false;
  bool as_document = false;
  app.add_option("--seeds", seeds)->capture_default_str()->check(CLI::Range(1, 1000));
  std::vector<std::string> names;
  for (const Case& each : all_cases()) names.push_back(each.name);
  app.add_option("--case", only, "only this one")->check(CLI::IsMember(names));
  app.add_option("--plot", plot, "file for an SVG of the cases with one pipeline");
  app.add_flag("--json", as_json, "a line for each case");
  app.add_flag("--document", as_document, "all of it as one JSON document");
  CLI11_PARSE(app, argc, argv);
  nlohmann::ordered_json json{
      {"machine", machine_facts()}, {"seeds", seeds}, {"cases", nlohmann::ordered_json::array()}};
  std::vector<Panel> panels;
  for (const Case& chosen : all_cases()) {
    if (!only.empty() && chosen.name != only) continue;
    const Comparison comparison = compare(chosen, seeds);
    if (as_document) {
      json["cases"].push_back(json_of(chosen, comparison));
    } else if (as_json) {
      print(figures_of(chosen, comparison, seeds));
    } else {
      std::cout << text_of(chosen, comparison);
    }
    if (comparison.least_completion) panels.push_back({chosen.name, comparison.policies});
  }
  if (as_document) std::cout << json.dump(1) << '\n';
  if (!plot.empty() && !(std::ofstream(plot) << draw(panels))) {
    std::cerr << "cannot write " << plot << '\n';
    return 1;
  }
}
