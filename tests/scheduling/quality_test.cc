/// What docs/testing.md, "Scheduling quality", says, with fewer seeds and some room.
#include <gtest/gtest.h>

#include "bench/scheduling/cases.h"
#include "bench/scheduling/plot.h"

namespace landseer::bench {
namespace {

constexpr std::uint64_t kSeeds = 5;

Case case_of(const std::string& name) {
  for (const Case& each : all_cases()) {
    if (each.name == name) return each;
  }
  ADD_FAILURE() << "there is no case " << name;
  return {};
}

const Measured& of(const Comparison& comparison, const std::string& policy) {
  for (const Measured& each : comparison.policies) {
    if (each.policy == policy) return each;
  }
  ADD_FAILURE() << "there is no policy " << policy;
  return comparison.policies.front();
}

struct Limits {
  double makespan;
  double first_share;
  double mean_completion;
  double peak_live;
};

void expect_within(const Measured& measured, const Limits& limits) {
  EXPECT_LE(measured.makespan.median, limits.makespan);
  EXPECT_LE(measured.first_share.median, limits.first_share);
  EXPECT_LE(measured.mean_completion.median, limits.mean_completion);
  EXPECT_LE(measured.peak_live.median, limits.peak_live);
}

TEST(SchedulingQuality, FinishFirstOnFourGpus) {
  const Comparison known = compare(case_of("4-gpus-known"), kSeeds);
  expect_within(of(known, "finish-first"), {1.02, 0.05, 0.62, 30});
  EXPECT_LE(known.least_completion->median, of(known, "finish-first").mean_completion.median);
  const Comparison learned = compare(case_of("4-gpus-learned"), kSeeds);
  expect_within(of(learned, "finish-first"), {1.03, 0.08, 0.65, 32});
}

TEST(SchedulingQuality, FinishFirstOnSixteenGpus) {
  const Comparison known = compare(case_of("16-gpus-known"), kSeeds);
  expect_within(of(known, "finish-first"), {1.07, 0.16, 0.76, 45});
  const Comparison learned = compare(case_of("16-gpus-learned"), kSeeds);
  expect_within(of(learned, "finish-first"), {1.1, 0.17, 0.78, 50});
}

TEST(SchedulingQuality, PipelinesOneAfterTheOtherAreNotHeldUp) {
  for (const char* name : {"staggered-known", "staggered-learned"}) {
    const Comparison comparison = compare(case_of(name), kSeeds);
    for (const Range& finish : of(comparison, "finish-first").vs_landseer) {
      EXPECT_LE(finish.median, 1.03) << name;
    }
  }
}

TEST(SchedulingQuality, LandseerHoldsTheWidestLevel) {
  const Comparison comparison = compare(case_of("4-gpus-known"), kSeeds);
  const Measured& landseer = of(comparison, "landseer");
  EXPECT_GE(landseer.peak_live.low, 115);
  EXPECT_LE(landseer.makespan.high, 1.01);
  EXPECT_GE(landseer.first_share.median, 0.5);
}

TEST(SchedulingQuality, TheSameSeedsGiveTheSameFigures) {
  const Case chosen = case_of("16-gpus-learned");
  const Comparison one = compare(chosen, 2);
  const Comparison two = compare(chosen, 2);
  EXPECT_EQ(draw({{"a", one.policies}}), draw({{"a", two.policies}}));
}

TEST(Workload, ItsLowerBoundIsItsWorkOrItsLongestPath) {
  Workload chain = make_product({{1, 1}, {10, 10}}, "chain", "landseer", 1, 1);
  chain.run_ms = {70, 50};
  EXPECT_EQ(chain.lower_bound_ms(1), 120);
  EXPECT_EQ(chain.lower_bound_ms(4), 120);
  Workload fan = make_product({{1, 3}, {10, 10}}, "fan", "landseer", 1, 1);
  fan.run_ms = {10, 30, 30, 30};
  EXPECT_EQ(fan.lower_bound_ms(1), 100);
  EXPECT_EQ(fan.lower_bound_ms(2), 50);
  EXPECT_EQ(fan.lower_bound_ms(4), 40);
}

TEST(VirtualCluster, CountsResultsThatAreStillNeeded) {
  Workload fan = make_product({{1, 3}, {10, 10}}, "fan", "landseer", 1, 1);
  fan.run_ms = {10, 30, 20, 30};
  forecast::VirtualCluster cluster(gpu_workers(2));
  const auto outcomes = cluster.run({fan.job()});
  EXPECT_EQ(outcomes.at(0).makespan_ms, 60);
  EXPECT_EQ(outcomes.at(0).workflows_ms, (std::vector<double>{30, 40, 60}));
  EXPECT_EQ(cluster.peak_live(), 1u);
}

}  // namespace
}  // namespace landseer::bench
