/// What this machine could do at most in W1 and W3: limit.h says how.
///   landseer-bench-limit W1|W3 [--tasks N] [--runs K] [--no-keys] [--folder F]
#include <CLI/CLI.hpp>

#include "bench/figures.h"
#include "bench/limit/limit.h"
#include "bench/submissions.h"

int main(int argc, char** argv) {
  using namespace landseer;
  using namespace landseer::bench;
  CLI::App app("Measures what bounds the broker on this machine.");
  LimitSetup setup;
  std::string workload;
  std::size_t tasks = 0;
  int runs = 5;
  bool no_keys = false;
  bool json = false;
  setup.folder = "bench-limit";
  app.add_option("workload", workload)->required()->check(CLI::IsMember({"W1", "W3"}));
  app.add_option("--tasks", tasks, "0: as the workload is defined");
  app.add_option("--runs", runs)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--folder", setup.folder, "is made, and removed")->capture_default_str();
  app.add_flag("--no-keys", no_keys, "without CURVE");
  app.add_flag("--json", json, "which is what is printed anyhow");
  CLI11_PARSE(app, argc, argv);
  setup.with_keys = !no_keys;
  setup.server = *net::make_key_pair();
  setup.peer = *net::make_key_pair();
  const bool grid = workload == "W3";
  Figures figures;
  figures.workload = workload + " limit" + (no_keys ? " plain" : "");
  figures.n = tasks != 0 ? tasks : grid ? 11'110 : 100'000;
  figures.unit = grid ? "s" : "tasks/s";
  const auto submission =
      grid ? grid_tasks(figures.n, "grid") : independent_tasks(figures.n, "independent");
  for (int i = 0; i < runs; ++i) {
    const double seconds = run_limit(setup, submission);
    figures.runs.push_back(grid ? seconds : static_cast<double>(figures.n) / seconds);
  }
  print(figures);
  return 0;
}
