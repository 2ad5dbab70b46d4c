/// What the scheduler itself costs, in process: products of four stages of equal tools, one task
/// taken and completed after the other. `landseer-bench-scheduler [--tasks N]... [--runs K]
/// [--json]`
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "bench/benchmark_lines.h"
#include "common/domain/factories.h"
#include "common/domain/priority_scheduler.h"

namespace {

using namespace landseer;
using namespace landseer::domain;
using Clock = std::chrono::steady_clock;

constexpr int kStages = 4;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

/// About so many tasks: `width` + `width`^2 + ... of one tool for each place in the product.
PipelinePtr make_grid(std::size_t tasks, IdCounters& ids) {
  const auto width = static_cast<std::size_t>(
      std::max(std::llround(std::pow(static_cast<double>(tasks) * 0.9, 1.0 / kStages)), 2ll));
  TaskFactory factory(ids);
  WorkflowFactory workflows(ids);
  std::vector<std::vector<SharedTask>> chains{{}};
  for (int stage = 0; stage < kStages; ++stage) {
    std::vector<std::vector<SharedTask>> longer;
    for (const auto& chain : chains) {
      for (std::size_t i = 0; i < width; ++i) {
        const ToolDefinition tool{std::to_string(stage) + "-" + std::to_string(i),
                                  {"image", "", {}}};
        const std::vector<SharedTask> after(chain.empty() ? chain.end() : chain.end() - 1,
                                            chain.end());
        longer.push_back(chain);
        longer.back().push_back(
            factory.create_task(static_cast<TaskType>(stage + 1), tool, {}, after));
      }
    }
    chains = std::move(longer);
  }
  std::vector<WorkflowPtr> made;
  for (auto& chain : chains) made.push_back(workflows.create_workflow("w", std::move(chain)));
  return *PipelineFactory(ids).create_pipeline("grid", std::move(made));
}

/// An iteration takes and completes all tasks of a new scheduler.
void take_and_complete(benchmark::State& state, std::size_t size, const std::string& policy) {
  std::size_t tasks = 0;
  double build_s = 0;
  for (auto _ : state) {
    IdCounters ids;
    const PipelinePtr pipeline = make_grid(size, ids);
    tasks = pipeline->tasks.size();
    auto began = Clock::now();
    const auto scheduler = *PriorityScheduler::create(pipeline, *make_policy(policy));
    build_s = seconds_since(began);
    began = Clock::now();
    while (const TaskPtr task = scheduler->get_next_task()) {
      if (!scheduler->update_task_status(task->id, TaskStatus::kCompleted)) std::abort();
    }
    state.SetIterationTime(seconds_since(began));
    if (!scheduler->is_complete()) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(tasks));
  state.counters["n"] = static_cast<double>(tasks);
  state.counters["build_ms"] = build_s * 1e3;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures what taking and completing a task costs in the scheduler.");
  std::vector<std::size_t> sizes{1'000, 10'000, 100'000, 1'000'000};
  bool as_json = false;
  int runs = 5;
  app.add_option("--tasks", sizes)->check(CLI::Range(10, 4'000'000));
  app.add_option("--runs", runs)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_flag("--json", as_json);
  CLI11_PARSE(app, argc, argv);
  for (const std::size_t size : sizes) {
    for (const std::string& policy : policy_names()) {
      benchmark::RegisterBenchmark(
          (policy + "/" + std::to_string(size)).c_str(),
          [=](benchmark::State& state) { take_and_complete(state, size, policy); })
          ->Iterations(1)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
  return bench::run_benchmarks({}, as_json, runs, [](const std::string& name) {
    return bench::Figures{"W8 " + name.substr(0, name.find('/')), 0, "ns", {}};
  });
}
