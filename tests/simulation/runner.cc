#include "tests/simulation/runner.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

#include "broker/core/trace_step.h"

namespace landseer::simulation {
namespace {

/// What one process found, in memory that all processes share.
struct Shared {
  Counters counters;
  std::uint64_t violations = 0;
  std::uint64_t found_after = 0;  ///< schedules of this process, at the first violation
  std::uint64_t twice = 0;        ///< schedules that were run twice and compared
};

std::uint64_t current_seed = 0;
std::uint64_t current_done = 0;
Shared* current_shared = nullptr;

void report(std::uint64_t seed, const std::string& what) {
  std::printf("seed %llu: %s\n  again with: simulation --seed %llu --trace\n",
              static_cast<unsigned long long>(seed), what.c_str(),
              static_cast<unsigned long long>(seed));
  std::fflush(stdout);
}

/// CHECK aborts: say which seed it was. Nothing else is done after that, so printing is fine.
void on_abort(int) {
  report(current_seed, "broken invariant, see above");
  ++current_shared->violations;
  if (current_shared->found_after == 0) current_shared->found_after = current_done + 1;
  _exit(1);
}

/// One in a hundred is run again, and one in a hundred with other jumps of the wall clocks.
std::string compare_twice(const ScheduleOptions& options, const ScheduleResult& first) {
  const std::uint64_t kind = options.seed % 100;
  if (kind > 1) return {};
  ++current_shared->twice;
  ScheduleOptions again = options;
  if (kind == 1) again.wall_seed = options.seed + 77;
  if (run_schedule(again).trace_hash == first.trace_hash) return {};
  return kind == 0 ? "the same seed gives another trace"
                   : "other jumps of the wall clocks give another trace";
}

void run_some(const RunnerOptions& options, std::uint64_t job, Shared& shared) {
  current_shared = &shared;
  signal(SIGABRT, on_abort);
  for (std::uint64_t i = job; i < options.seeds; i += options.jobs) {
    ScheduleOptions schedule = options.schedule;
    schedule.seed = current_seed = options.first + i;
    const ScheduleResult result = run_schedule(schedule);
    shared.counters.add(result.counters);
    const std::string what =
        result.violation.empty() ? compare_twice(schedule, result) : result.violation;
    ++current_done;
    if (what.empty()) continue;
    report(schedule.seed, what);
    if (shared.violations++ == 0) shared.found_after = current_done;
    if (!options.keep_going) return;
  }
}

/// What this process and those it waited for have used.
double seconds_of_cores() {
  double sum = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      sum += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    }
  }
  return sum;
}

void print_sums(const Counters& sums, double seconds, std::uint64_t twice) {
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%llu schedules (%llu compared with a second run), %llu tasks, %llu attempts, "
      "%llu runs of tools, %llu of them bad\n",
      n(sums.schedules), n(twice), n(sums.tasks), n(sums.attempts), n(sums.runs), n(sums.bad_runs));
  std::printf(
      "%llu messages: %llu lost, %llu repeated, %llu garbled, %llu refused, "
      "%llu through the codec\n",
      n(sums.messages), n(sums.lost), n(sums.duplicated), n(sums.garbled), n(sums.refused_sends),
      n(sums.encoded));
  std::printf(
      "%llu events, %llu steps of the broker, %llu full checks, %llu recoveries, "
      "%llu snapshots, %.1f virtual hours\n",
      n(sums.events), n(sums.steps), n(sums.full_checks), n(sums.recoveries), n(sums.snapshots),
      static_cast<double>(sums.virtual_ms) / 3.6e6);
  std::printf(
      "%llu results taken from other pipelines, %llu waits for their work, %llu attempts handed "
      "over, %llu artifacts released\n",
      n(sums.hits), n(sums.joins), n(sums.handed), n(sums.released));
  std::printf("%llu parts cancelled or moved, %llu paused or resumed, %llu tasks pruned\n",
              n(sums.parts), n(sums.pauses), n(sums.pruned));
  std::printf("%llu faults:", n(sums.planned_faults()));
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    std::printf("%s %s %llu", kind == 0 ? "" : ",", to_string(static_cast<Fault>(kind)),
                n(sums.faults[kind]));
  }
  const double core_seconds = seconds_of_cores();
  std::printf("\n%.1f s, %.1f schedules/s; %.1f s of cores, %.1f schedules for each\n", seconds,
              static_cast<double>(sums.schedules) / seconds, core_seconds,
              static_cast<double>(sums.schedules + twice) / core_seconds);
}

}  // namespace

int run_many(const RunnerOptions& options) {
  const auto begun = std::chrono::steady_clock::now();
  const std::size_t bytes = sizeof(Shared) * options.jobs;
  auto* shared = static_cast<Shared*>(
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  for (std::uint64_t job = 0; job < options.jobs; ++job) {
    new (&shared[job]) Shared();
    if (fork() != 0) continue;
    run_some(options, job, shared[job]);
    _exit(0);
  }
  while (wait(nullptr) > 0) {
  }
  Counters sums;
  std::uint64_t violations = 0;
  std::uint64_t twice = 0;
  std::uint64_t found_after = 0;
  for (std::uint64_t job = 0; job < options.jobs; ++job) {
    sums.add(shared[job].counters);
    violations += shared[job].violations;
    twice += shared[job].twice;
    if (shared[job].found_after == 0) continue;
    const std::uint64_t schedules = shared[job].found_after * options.jobs;
    if (found_after == 0 || schedules < found_after) found_after = schedules;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  print_sums(sums, took.count(), twice);
  if (violations > 0) {
    std::printf("%llu violations, the first after about %llu schedules\n",
                static_cast<unsigned long long>(violations),
                static_cast<unsigned long long>(found_after));
    return 1;
  }
  std::printf("no violation\n");
  return 0;
}

int run_one(const RunnerOptions& options) {
  static Shared shared;
  current_shared = &shared;
  signal(SIGABRT, on_abort);
  current_seed = options.schedule.seed;
  ScheduleOptions traced = options.schedule;
  std::string inputs;
  if (!options.inputs_file.empty()) traced.inputs = &inputs;
  const ScheduleResult result = run_schedule(traced);
  std::string what = result.violation;
  if (!options.inputs_file.empty() &&
      !(std::ofstream(options.inputs_file, std::ios::binary) << broker::kTraceMagic << inputs)) {
    std::fprintf(stderr, "cannot write %s\n", options.inputs_file.c_str());
    return 2;
  }
  if (what.empty()) what = compare_twice(options.schedule, result);
  if (!what.empty()) report(options.schedule.seed, what);
  std::printf("trace %016llx\n", static_cast<unsigned long long>(result.trace_hash));
  print_sums(result.counters, 1, 0);
  return what.empty() ? 0 : 1;
}

}  // namespace landseer::simulation
