#include "bench/scheduling/cases.h"

#include <algorithm>
#include <numeric>

#include "common/base/check.h"
#include "common/domain/policy.h"

namespace landseer::bench {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
/// After these the broker no longer takes a tool's first time for its mean.
constexpr std::uint32_t kHistory = 8;

using forecast::Job;
using forecast::Outcome;
using forecast::VirtualCluster;

/// What one run of one policy showed, the pipelines in their order.
struct Run {
  std::vector<Outcome> outcomes;
  double peak_live = 0;
  double lower_bound_ms = 0;
};

double mean_completion_ms(const Run& run) {
  double sum = 0;
  std::size_t count = 0;
  for (const Outcome& outcome : run.outcomes) {
    sum = std::accumulate(outcome.workflows_ms.begin(), outcome.workflows_ms.end(), sum);
    count += outcome.workflows_ms.size();
  }
  return sum / static_cast<double>(count);
}

double sum_of_means(const std::vector<Run>& runs) {
  return std::accumulate(runs.begin(), runs.end(), 0.0,
                         [](double sum, const Run& run) { return sum + mean_completion_ms(run); });
}

/// From the first submission to the last end.
double makespan_ms(const Case& chosen, const Run& run) {
  double end_ms = 0;
  for (std::size_t i = 0; i < run.outcomes.size(); ++i) {
    const auto after_ms = static_cast<double>(chosen.after_minutes[i] * kMinuteMs);
    end_ms = std::max(end_ms, after_ms + run.outcomes[i].makespan_ms);
  }
  return end_ms;
}

std::vector<Outcome> run_all(VirtualCluster& cluster, const std::vector<Job>& jobs) {
  std::vector<Outcome> outcomes = cluster.run(jobs);
  for (const Outcome& outcome : outcomes) {
    CHECK(outcome.unrun.empty(), "every workflow is complete at the end");
  }
  return outcomes;
}

Run run_once(const Case& chosen, const std::string& policy, std::uint64_t seed) {
  std::vector<Workload> workloads;
  for (std::size_t i = 0; i < chosen.after_minutes.size(); ++i) {
    workloads.push_back(make_product(chosen.product, "pipeline-" + std::to_string(i), policy, seed,
                                     seed * 100 + i));
  }
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    jobs.push_back(workloads[i].job(chosen.after_minutes[i] * kMinuteMs));
  }
  VirtualCluster cluster(gpu_workers(chosen.gpus));
  const Workload history = make_history(workloads.front(), kHistory);
  if (chosen.known) run_all(cluster, {history.job()});
  Run run;
  run.outcomes = run_all(cluster, jobs);
  run.peak_live = static_cast<double>(cluster.peak_live());
  for (const Workload& each : workloads) run.lower_bound_ms += each.lower_bound_ms(chosen.gpus);
  return run;
}

std::vector<double> each(const std::vector<Run>& runs, auto&& value) {
  std::vector<double> values;
  for (std::size_t i = 0; i < runs.size(); ++i) values.push_back(value(runs[i], i));
  return values;
}

Measured summarize(const Case& chosen, const std::string& policy, const std::vector<Run>& runs,
                   const std::vector<Run>& landseer) {
  Measured m;
  m.policy = policy;
  const auto range = [&](auto&& value) { return range_of(each(runs, value)); };
  m.makespan =
      range([&](const Run& r, std::size_t) { return makespan_ms(chosen, r) / r.lower_bound_ms; });
  m.first_share = range([&](const Run& r, std::size_t) {
    return r.outcomes[0].workflows_ms.front() / r.outcomes[0].makespan_ms;
  });
  m.mean_completion = range([&](const Run& r, std::size_t i) {
    return mean_completion_ms(r) / mean_completion_ms(landseer[i]);
  });
  m.ratio_of_means = sum_of_means(runs) / sum_of_means(landseer);
  m.peak_live = range([](const Run& r, std::size_t) { return r.peak_live; });
  for (std::size_t p = 0; p < chosen.after_minutes.size(); ++p) {
    m.finishes.push_back(range([&](const Run& r, std::size_t) {
      return r.outcomes[p].makespan_ms / static_cast<double>(kMinuteMs);
    }));
    m.vs_landseer.push_back(range([&](const Run& r, std::size_t i) {
      return r.outcomes[p].makespan_ms / landseer[i].outcomes[p].makespan_ms;
    }));
  }
  for (std::size_t n = 0; n < runs[0].outcomes[0].workflows_ms.size(); ++n) {
    m.curve.push_back(range([&](const Run& r, std::size_t) {
                        return r.outcomes[0].workflows_ms[n] / r.lower_bound_ms;
                      }).median);
  }
  return m;
}

/// On one GPU `finish-first` is Horn's algorithm, which is optimal for trees: no order on several
/// slower ones, which it could imitate, is better.
double least_completion_ms(const Case& chosen, std::uint64_t seed) {
  const Workload exact =
      make_exact(make_product(chosen.product, "pipeline", "finish-first", seed, seed * 100));
  const Workload history = make_history(exact, 1);
  VirtualCluster cluster(gpu_workers(1));
  run_all(cluster, {history.job()});
  Run run;
  run.outcomes = run_all(cluster, {exact.job()});
  return mean_completion_ms(run) / chosen.gpus;
}

}  // namespace

Range range_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const bool known : {true, false}) {
    const std::string times = known ? "known" : "learned";
    for (const std::uint32_t gpus : {4u, 16u}) {
      cases.push_back({std::to_string(gpus) + "-gpus-" + times, gpus, known, {}, {0}});
    }
    const Product smaller{{3, 4, 5, 3}, {10, 60, 20, 5}};
    cases.push_back({"staggered-" + times, 4, known, smaller, {0, 300, 600}});
  }
  return cases;
}

Comparison compare(const Case& chosen, std::uint64_t seeds) {
  Comparison comparison;
  std::vector<Run> landseer;
  for (const std::string& policy : domain::policy_names()) {
    std::vector<Run> runs;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      runs.push_back(run_once(chosen, policy, seed));
    }
    if (policy == "landseer") landseer = runs;
    comparison.policies.push_back(summarize(chosen, policy, runs, landseer));
  }
  if (chosen.after_minutes.size() == 1) {
    comparison.least_completion = range_of(each(landseer, [&](const Run& run, std::size_t i) {
      return least_completion_ms(chosen, i + 1) / mean_completion_ms(run);
    }));
  }
  return comparison;
}

}  // namespace landseer::bench
