/// What the scheduler itself costs, in process: products of four stages of equal tools, one task
/// taken and completed after the other. `landseer-bench-scheduler [--tasks N]... [--json]`
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/figures.h"
#include "common/domain/factories.h"
#include "common/domain/priority_scheduler.h"

namespace {

using namespace landseer;
using namespace landseer::domain;
using Clock = std::chrono::steady_clock;

constexpr int kStages = 4;
constexpr int kRuns = 5;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

/// About so many tasks: `width` + `width`^2 + ... of one tool for each place in the product.
PipelinePtr make_grid(std::size_t tasks, IdCounters& ids) {
  const auto width = static_cast<std::size_t>(
      std::max(std::llround(std::pow(static_cast<double>(tasks) * 0.9, 1.0 / kStages)), 2ll));
  TaskFactory factory(ids);
  WorkflowFactory workflows(ids);
  std::vector<std::vector<TaskPtr>> chains{{}};
  for (int stage = 0; stage < kStages; ++stage) {
    std::vector<std::vector<TaskPtr>> longer;
    for (const auto& chain : chains) {
      for (std::size_t i = 0; i < width; ++i) {
        const ToolDefinition tool{std::to_string(stage) + "-" + std::to_string(i),
                                  {"image", "", {}}};
        const std::vector<TaskPtr> after(chain.empty() ? chain.end() : chain.end() - 1,
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

struct Cost {
  std::size_t tasks = 0;
  double build_s = 0;
  double pair_ns = 0;
};

Cost run_once(std::size_t tasks, const std::string& policy) {
  IdCounters ids;
  const PipelinePtr pipeline = make_grid(tasks, ids);
  Cost cost{pipeline->tasks.size()};
  auto began = Clock::now();
  const auto scheduler = *PriorityScheduler::create(pipeline, *make_policy(policy));
  cost.build_s = seconds_since(began);
  began = Clock::now();
  while (const TaskPtr task = scheduler->get_next_task()) {
    if (!scheduler->update_task_status(task->id, TaskStatus::kCompleted)) std::abort();
  }
  cost.pair_ns = seconds_since(began) * 1e9 / static_cast<double>(cost.tasks);
  if (!scheduler->is_complete()) std::abort();
  return cost;
}

bench::Figures measure(std::size_t tasks, const std::string& policy) {
  bench::Figures figures{"W8 " + policy, 0, "ns", {}};
  std::vector<double> build_ms;
  for (int i = 0; i < kRuns; ++i) {
    const Cost cost = run_once(tasks, policy);
    figures.n = cost.tasks;
    figures.runs.push_back(cost.pair_ns);
    build_ms.push_back(cost.build_s * 1e3);
  }
  figures.extra["build_ms"] = bench::quantile(build_ms, 0.5);
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures what taking and completing a task costs in the scheduler.");
  std::vector<std::size_t> sizes{1'000, 10'000, 100'000, 1'000'000};
  bool as_json = false;
  app.add_option("--tasks", sizes)->check(CLI::Range(10, 4'000'000));
  app.add_flag("--json", as_json);
  CLI11_PARSE(app, argc, argv);
  for (const std::size_t size : sizes) {
    for (const std::string& policy : policy_names()) {
      const bench::Figures figures = measure(size, policy);
      if (as_json) {
        bench::print(figures);
        continue;
      }
      std::printf("%-13s %8zu tasks: built in %.1f ms, %.0f ns for taking and completing one\n",
                  policy.c_str(), figures.n, figures.extra["build_ms"].get<double>(),
                  bench::quantile(figures.runs, 0.5));
    }
  }
}
