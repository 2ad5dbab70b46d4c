#include "common/domain/policy.h"

#include <gtest/gtest.h>

namespace landseer::domain {
namespace {

TaskFacts facts(std::uint32_t level, std::uint32_t usage, std::uint32_t depth = 0,
                TaskType type = TaskType::kPreTraining) {
  return {level, usage, depth, type};
}

TEST(LandseerPolicy, IsLevelTimesThousandMinusUsage) {
  EXPECT_EQ(landseer_priority(facts(0, 5)).shown, -5);
  EXPECT_EQ(landseer_priority(facts(0, 2)).shown, -2);
  EXPECT_EQ(landseer_priority(facts(1, 3)).shown, 997);
  EXPECT_EQ(landseer_priority(facts(2, 1)).shown, 1999);
}

TEST(LandseerPolicy, HasNoClampSoUsageMayCrossLevels) {
  EXPECT_EQ(landseer_priority(facts(1, 1500)).shown, -500);
  EXPECT_LT(landseer_priority(facts(1, 1500)).rank, landseer_priority(facts(0, 0)).rank);
}

TEST(DepthPolicy, FallsTenPerStepToAFloorAndAddsUsageUpToNine) {
  EXPECT_EQ(depth_priority(facts(0, 0, 0)).shown, 100);
  EXPECT_EQ(depth_priority(facts(0, 0, 3)).shown, 70);
  EXPECT_EQ(depth_priority(facts(0, 2, 0)).shown, 102);
  EXPECT_EQ(depth_priority(facts(0, 20, 0)).shown, 109);
  EXPECT_EQ(depth_priority(facts(0, 0, 50)).shown, 10);
}

TEST(DepthPolicy, LiftsEvaluationsToACap) {
  EXPECT_EQ(depth_priority(facts(1, 0, 4, TaskType::kEvaluation)).shown, 92);
  EXPECT_EQ(depth_priority(facts(0, 0, 0, TaskType::kEvaluation)).shown, 108);
}

TEST(DepthPolicy, HigherValueComesFirst) {
  EXPECT_LT(depth_priority(facts(0, 0, 0)).rank, depth_priority(facts(0, 0, 1)).rank);
}

TEST(MakePolicy, KnowsItsNamesAndSuggestsTheNearest) {
  for (const std::string& name : policy_names()) {
    auto policy = make_policy(name);
    ASSERT_TRUE(policy) << name;
    EXPECT_EQ((*policy)->name(), name);
  }
  const auto unknown = make_policy("landsear");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().hint, "did you mean 'landseer'?");
}

}  // namespace
}  // namespace landseer::domain
