#include "bench/scheduling/report.h"

#include <fmt/format.h>

namespace landseer::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string cell(const Range& r, double scale, int digits) {
  return fmt::format("{:.{}f} ({:.{}f}-{:.{}f})", r.median * scale, digits, r.low * scale, digits,
                     r.high * scale, digits);
}

Json json_of(const Range& r) { return {{"median", r.median}, {"low", r.low}, {"high", r.high}}; }

Json json_of(const std::vector<Range>& ranges) {
  Json list = Json::array();
  for (const Range& range : ranges) list.push_back(json_of(range));
  return list;
}

}  // namespace

std::string text_of(const Case& chosen, const Comparison& comparison) {
  std::string text = fmt::format("\n{}\n{:<13} {:<20} {:<20} {:<28} {}\n", chosen.name, "policy",
                                 "makespan / bound", "first workflow, %",
                                 "completion, % of landseer", "peak live");
  for (const Measured& m : comparison.policies) {
    const std::string completion =
        fmt::format("{} {:.1f}", cell(m.mean_completion, 100, 1), m.ratio_of_means * 100);
    text += fmt::format("{:<13} {:<20} {:<20} {:<28} {}\n", m.policy, cell(m.makespan, 1, 3),
                        cell(m.first_share, 100, 1), completion, cell(m.peak_live, 1, 0));
    for (std::size_t i = 0; m.finishes.size() > 1 && i < m.finishes.size(); ++i) {
      text += fmt::format("  pipeline {} complete after {} min, {} % of landseer's\n", i + 1,
                          cell(m.finishes[i], 1, 0), cell(m.vs_landseer[i], 100, 1));
    }
  }
  if (!comparison.least_completion) return text;
  return text + fmt::format("no order could have less than {} % completion\n",
                            cell(*comparison.least_completion, 100, 1));
}

Json json_of(const Case& chosen, const Comparison& comparison) {
  Json policies = Json::object();
  for (const Measured& m : comparison.policies) {
    Json& policy = policies[m.policy];
    policy = {{"makespan_over_bound", json_of(m.makespan)},
              {"first_workflow_share", json_of(m.first_share)},
              {"mean_completion_vs_landseer", json_of(m.mean_completion)},
              {"mean_completion_vs_landseer_ratio_of_means", m.ratio_of_means},
              {"peak_live", json_of(m.peak_live)}};
    if (m.finishes.size() < 2) continue;
    policy["pipeline_minutes"] = json_of(m.finishes);
    policy["pipeline_vs_landseer"] = json_of(m.vs_landseer);
  }
  Json json{{"case", chosen.name}, {"gpus", chosen.gpus}, {"policies", std::move(policies)}};
  if (comparison.least_completion) {
    json["least_completion_vs_landseer"] = json_of(*comparison.least_completion);
  }
  return json;
}

Figures figures_of(const Case& chosen, const Comparison& comparison, std::size_t seeds) {
  Figures figures{"W10 " + chosen.name, seeds, "makespan / lower bound", {}};
  figures.extra = json_of(chosen, comparison);
  const auto& makespan = figures.extra["policies"]["finish-first"]["makespan_over_bound"];
  figures.runs = {makespan["median"].get<double>()};
  return figures;
}

}  // namespace landseer::bench
