#include "common/domain/live_workflows.h"

#include <gtest/gtest.h>

#include "tests/support/graph.h"

namespace landseer::domain {
namespace {

using testing::Graph;
constexpr std::int64_t kWhole = LiveWorkflows::kWhole;

/// Of the graph "a b c / a b d": a, b, c, d are 0, 1, 2, 3.
class LiveWorkflowsTest : public ::testing::Test {
 protected:
  LiveWorkflowsTest() { workflows.build(*graph.pipeline, {{0, 0, 1, 2, 3}, {0, 1, 1}}); }

  std::vector<std::uint32_t> set_lost(std::uint32_t task, bool lost) {
    std::vector<std::uint32_t> changed;
    workflows.set_lost(task, lost, changed);
    return changed;
  }

  Graph graph{"a b c\na b d"};
  LiveWorkflows workflows;
};

TEST_F(LiveWorkflowsTest, AreFinishedByTheirLastTasks) {
  EXPECT_EQ(workflows.weight(0), 0);
  EXPECT_EQ(workflows.weight(1), 0);
  EXPECT_EQ(workflows.weight(2), kWhole);
  EXPECT_EQ(workflows.weight(3), kWhole);
}

TEST_F(LiveWorkflowsTest, CountNoMoreOnceATaskIsLost) {
  EXPECT_EQ(set_lost(1, true), (std::vector<std::uint32_t>{2, 3}));
  EXPECT_EQ(workflows.weight(2), 0);
  EXPECT_TRUE(set_lost(2, true).empty());
  EXPECT_TRUE(set_lost(1, false) == std::vector<std::uint32_t>{3});
  EXPECT_EQ(workflows.weight(2), 0);
  EXPECT_EQ(workflows.weight(3), kWhole);
}

TEST(LiveWorkflows, AreSharedBySeveralLastTasks) {
  const Graph graph("a b<a c<a\na b<a");
  LiveWorkflows workflows;
  workflows.build(*graph.pipeline, {{0, 0, 1, 2}, {0, 0}});
  EXPECT_EQ(workflows.weight(0), 0);
  EXPECT_EQ(workflows.weight(1), kWhole / 2 + kWhole);
  EXPECT_EQ(workflows.weight(2), kWhole / 2);
}

}  // namespace
}  // namespace landseer::domain
