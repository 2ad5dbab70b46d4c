/// How fast this machine starts and reaps a program: the best bare loop of posix_spawn and waitpid,
/// against which the executor is measured. `landseer-bench-spawn [--tasks N] [--program PATH]`
/// prints programs per second, wall clock, and the CPU time of one in microseconds.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Of this process and of the children it has reaped.
double cpu_seconds() {
  double sum = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    sum += seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  }
  return sum;
}

bool run_one(char* const* argv) {
  pid_t pid = 0;
  int status = 0;
  return posix_spawn(&pid, argv[0], nullptr, nullptr, argv, environ) == 0 &&
         waitpid(pid, &status, 0) == pid && status == 0;
}

}  // namespace

int main(int argc, char** argv) {
  int tasks = 1000;
  std::string program = "/bin/true";
  CLI::App app("Measures how fast this machine starts and reaps a program");
  app.add_option("--tasks", tasks)->capture_default_str()->check(CLI::Range(1, 1'000'000));
  app.add_option("--program", program)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  char* const words[] = {program.data(), nullptr};
  const auto began = Clock::now();
  for (int i = 0; i < tasks; ++i) {
    if (run_one(words)) continue;
    std::fprintf(stderr, "landseer-bench-spawn: %s cannot be run, or fails\n", program.c_str());
    return 1;
  }
  const double wall = std::chrono::duration<double>(Clock::now() - began).count();
  std::printf("{\"per_second\": %.1f, \"cpu_us\": %.1f}\n", tasks / wall,
              cpu_seconds() * 1e6 / tasks);
}
