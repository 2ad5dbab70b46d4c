/// What this machine could do at most in W1 and W3: limit.h says how.
///   landseer-bench-limit W1|W3 [--tasks N] [--runs K] [--no-keys] [--folder F]
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <sstream>

#include "bench/figures.h"
#include "bench/limit/limit.h"
#include "bench/submissions.h"
#include "common/base/check.h"

namespace {

using namespace landseer;
using namespace landseer::bench;

template <class Serve>
pid_t in_background(Serve&& serve) {
  const pid_t child = fork();
  if (child != 0) return child;
  serve();
  _exit(0);
}

double run_once(const LimitSetup& setup, const protocol::Submission& submission) {
  std::filesystem::remove_all(setup.folder);
  std::filesystem::create_directories(setup.folder);
  int ends[2];
  CHECK(pipe(ends) == 0, "a pipe can be made");
  const pid_t broker = in_background([&] { serve_limit(setup, ends[1]); });
  std::string line(256, '\0');
  const ssize_t count = read(ends[0], line.data(), line.size());
  CHECK(count > 0, "the reference starts");
  std::istringstream words(line.substr(0, static_cast<std::size_t>(count)));
  std::string workers;
  std::string clients;
  words >> workers >> clients;
  const pid_t worker = in_background([&] { work_limit(setup, workers); });
  usleep(300'000);  // the worker is there before the work, as in the other measurement
  const double seconds = submit_limit(setup, clients, submission);
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  waitpid(broker, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  std::filesystem::remove_all(setup.folder);
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
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
    const double seconds = run_once(setup, submission);
    figures.runs.push_back(grid ? seconds : static_cast<double>(figures.n) / seconds);
  }
  print(figures);
  return 0;
}
