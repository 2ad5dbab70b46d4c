#include "common/domain/expected_times.h"

#include <gtest/gtest.h>

#include "tests/support/graph.h"

namespace landseer::domain {
namespace {

using testing::Graph;

TEST(ExpectedTimes, AreOneSecondForToolsThatNobodyKnows) {
  const Graph graph("a b");
  ExpectedTimes times;
  times.build(*graph.pipeline);
  EXPECT_EQ(times.of(0), 1000);
  EXPECT_EQ(times.of(1), 1000);
}

TEST(ExpectedTimes, AreTheMeanOfTheKnownOnesForTheOthers) {
  const Graph graph("a b c");
  ExpectedTimes times;
  EXPECT_FALSE(times.expect("a", 10));
  times.build(*graph.pipeline);
  EXPECT_EQ(times.of(2), 10);
  EXPECT_TRUE(times.expect("b", 30));
  EXPECT_EQ(times.of(2), 20);
  EXPECT_EQ(times.affected(), (std::vector<std::uint32_t>{1, 2}));
}

TEST(ExpectedTimes, StagesHaveTheirOwnMean) {
  IdCounters ids;
  TaskFactory tasks(ids);
  WorkflowFactory workflows(ids);
  const auto pre = [&](const char* name) {
    return tasks.create_task(TaskType::kPreTraining, {name, {}});
  };
  const auto deployment = [&](const char* name) {
    return tasks.create_task(TaskType::kDeployment, {name, {}});
  };
  const auto pipeline = *PipelineFactory(ids).create_pipeline(
      "p",
      {workflows.create_workflow("1", {pre("a"), pre("b"), deployment("x"), deployment("y")})});
  ExpectedTimes times;
  times.build(*pipeline);
  times.expect("a", 100);
  EXPECT_EQ(times.of(1), 100);
  EXPECT_EQ(times.of(3), 100);
  times.expect("x", 4);
  EXPECT_EQ(times.of(1), 100);
  EXPECT_EQ(times.of(3), 4);
}

TEST(ExpectedTimes, WhatIsSaidAgainOrOfOthersChangesNothing) {
  const Graph graph("a b");
  ExpectedTimes times;
  times.build(*graph.pipeline);
  EXPECT_FALSE(times.expect("z", 5));
  EXPECT_TRUE(times.expect("a", 5));
  EXPECT_FALSE(times.expect("a", 5));
}

TEST(ExpectedTimes, AreBoundedAndKeptWhenBuiltAnew) {
  const Graph graph("a b");
  ExpectedTimes times;
  times.build(*graph.pipeline);
  times.expect("a", -3);
  times.expect("b", std::int64_t{1} << 60);
  times.build(*graph.pipeline);
  EXPECT_EQ(times.of(0), 1);
  EXPECT_EQ(times.of(1), ExpectedTimes::kLongestMs);
}

}  // namespace
}  // namespace landseer::domain
