/// Loads a broker of its own, over real sockets, and prints what it measured as JSON.
///   landseer-bench-load W1|W3|W4|W5|W6|W7 [--tasks N] [--runs K] [--no-keys] [--folder F]
#include <CLI/CLI.hpp>
#include <functional>
#include <map>

#include "bench/load/workloads.h"

int main(int argc, char** argv) {
  using namespace landseer::bench;
  CLI::App app("Measures a broker of its own under load.");
  LoadOptions options;
  std::string workload;
  bool no_keys = false;
  bool json = false;
  const std::map<std::string, std::function<void()>> workloads{
      {"W1", [&] { measure_throughput(options, false); }},
      {"W3", [&] { measure_throughput(options, true); }},
      {"W4", [&] { measure_latency(options); }},
      {"W5", [&] { measure_memory(options); }},
      {"W6", [&] { measure_restart(options); }},
      {"W7", [&] { measure_crowd(options); }}};
  app.add_option("workload", workload)->required()->check(CLI::IsMember(workloads));
  app.add_option("--tasks", options.tasks, "0: as the workload is defined");
  app.add_option("--workers", options.workers, "of W7")->capture_default_str();
  app.add_option("--seconds", options.seconds, "of W7")->capture_default_str();
  app.add_option("--runs", options.runs)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--folder", options.folder, "for the state; is removed")->capture_default_str();
  app.add_flag("--no-keys", no_keys, "without CURVE");
  app.add_flag("--json", json, "which is what is printed anyhow");
  CLI11_PARSE(app, argc, argv);
  options.with_keys = !no_keys;
  workloads.at(workload)();
  return 0;
}
