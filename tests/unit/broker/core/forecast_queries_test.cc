/// What clients forecast from, and the broker's own rough estimate.
#include <gtest/gtest.h>

#include "common/protocol/limits.h"
#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using testing::BrokerHarness;

TEST(ForecastQueries, TimesHaveTheirSpreadAndSizes) {
  BrokerHarness harness;
  auto& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a\na b\na c\na d"));
  const std::vector<std::pair<std::int64_t, std::uint64_t>> runs{
      {1000, 10}, {2000, 20}, {4000, 30}, {4000, 0}};
  for (const auto& [ran_ms, bytes] : runs) {
    ASSERT_FALSE(worker.assigned.empty());
    const protocol::Assignment work = worker.assigned.front();
    worker.assigned.pop_front();
    protocol::AttemptResult result;
    result.task = work.task;
    result.attempt = work.attempt;
    result.outcome = protocol::Outcome::kSucceeded;
    result.started_at = harness.now.wall.unix_ms - ran_ms;
    result.finished_at = harness.now.wall.unix_ms;
    result.artifact = sha256(std::to_string(bytes));
    result.artifact_bytes = bytes;
    harness.send_result(worker, result);
  }
  const auto times =
      harness.ask_for<protocol::ToolTimeList>(protocol::GetToolTimes{{"d", "a", "nobody"}});
  ASSERT_EQ(times.rows.size(), 2u);
  EXPECT_EQ(times.rows[0].tool, "d");
  EXPECT_EQ(times.rows[1], (protocol::ToolTimeRow{"a", "cpu", 1, 1'000'000, 1, 0, 1, 10}));
}

TEST(ForecastQueries, OnlySoManyToolsAreAskedForAtOnce) {
  BrokerHarness harness;
  protocol::GetToolTimes many;
  many.tools.resize(protocol::kToolsAskedMax);
  EXPECT_TRUE(harness.ask_for<protocol::ToolTimeList>(many).rows.empty());
  many.tools.emplace_back();
  EXPECT_EQ(harness.ask_in_vain(many).code, ErrorCode::kLimit);
}

TEST(ForecastQueries, OffersAreOfWorkersThatTakeWork) {
  BrokerHarness harness;
  harness.offer.gpus = {{0, "A100", 5, "", ""}};
  harness.offer.images = {{"image", sha256("x")}};
  harness.worker("w1", 3);
  auto& leaving = harness.worker("w2");
  harness.say(leaving, protocol::Leaving{leaving.session});
  const auto list = harness.ask_for<protocol::OfferList>(protocol::ListOffers{});
  ASSERT_EQ(list.rows.size(), 1u);
  EXPECT_FALSE(list.more);
  EXPECT_EQ(list.rows[0].worker, WorkerId{1});
  EXPECT_EQ(list.rows[0].offer.cpus_milli, 3000u);
  EXPECT_EQ(list.rows[0].offer.gpus.at(0).model, "A100");
  EXPECT_TRUE(list.rows[0].offer.images.empty());
  const auto rest = harness.ask_for<protocol::OfferList>(protocol::ListOffers{WorkerId{1}});
  EXPECT_TRUE(rest.rows.empty());
}

TEST(ForecastQueries, AGraphSaysHowFarEachTaskIs) {
  BrokerHarness harness;
  auto& worker = harness.worker("w", 2);
  protocol::Submission s = BrokerHarness::chains("a b c\na d");
  s.dataset_name.clear();
  s.policy = "finish-first";
  s.priority = 3;
  harness.submit(s);
  harness.finish(worker, protocol::Outcome::kSucceeded, "x");
  harness.stall(std::chrono::seconds(2));
  const auto page = harness.ask_for<protocol::GraphPage>(protocol::GetGraph{PipelineId{1}, 0});
  EXPECT_EQ(page.policy, "finish-first");
  EXPECT_EQ(page.priority, 3);
  EXPECT_EQ(page.tasks_total, 4u);
  EXPECT_EQ(page.workflows_total, 2u);
  EXPECT_EQ(page.next_offset, 0u);
  ASSERT_EQ(page.tasks.size(), 4u);
  EXPECT_EQ(page.tools.size(), 4u);
  EXPECT_EQ(page.options.size(), 1u);
  EXPECT_EQ(page.tasks[0].status, 3);
  EXPECT_NE(page.tasks[0].finished_at, 0);
  EXPECT_EQ(page.tasks[0].workflows, (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(page.tasks[1].status, 2);
  EXPECT_EQ(page.tasks[1].worker, WorkerId{1});
  EXPECT_EQ(page.tasks[1].running_ms, 2000u);
  EXPECT_EQ(page.tasks[1].dependencies, (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(page.tasks[2].status, 1);
  EXPECT_EQ(page.tools[page.tasks[2].tool].name, "c");
  EXPECT_EQ(harness.ask_in_vain(protocol::GetGraph{PipelineId{9}, 0}).code, ErrorCode::kNotFound);
  const auto beyond = harness.ask_for<protocol::GraphPage>(protocol::GetGraph{PipelineId{1}, 99});
  EXPECT_TRUE(beyond.tasks.empty());
}

TEST(ForecastQueries, AGraphComesInPages) {
  BrokerHarness harness;
  harness.take_snapshots = false;
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "a b" + std::to_string(i) + "\n";
  harness.submit(BrokerHarness::chains(text));
  auto page = harness.ask_for<protocol::GraphPage>(protocol::GetGraph{PipelineId{1}, 0});
  EXPECT_EQ(page.tasks.size(), 1000u);
  EXPECT_EQ(page.next_offset, 1000u);
  page = harness.ask_for<protocol::GraphPage>(protocol::GetGraph{PipelineId{1}, 1000});
  EXPECT_EQ(page.tasks.size(), 501u);
  EXPECT_EQ(page.next_offset, 0u);
  EXPECT_EQ(page.tasks.back().dependencies, (std::vector<std::uint32_t>{0}));
}

TEST(ForecastQueries, TheEstimateIsWhatIsLeftOverWhatRuns) {
  BrokerHarness harness;
  auto& worker = harness.worker("w", 2);
  harness.submit(BrokerHarness::chains("a b\na c\na d\na e"));
  EXPECT_EQ(harness.status(PipelineId{1}).row.eta_ms, -1);  // nobody knows any of its tools
  harness.finish(worker);                                   // after 5 s
  // Four of 5 s each, for lack of anything better; two run and are half done.
  EXPECT_EQ(harness.status(PipelineId{1}).row.eta_ms, (4 * 5000 - 5000) / 2);
  harness.tell(protocol::Pause{PipelineId{1}, true});
  EXPECT_EQ(harness.status(PipelineId{1}).row.eta_ms, -1);
  harness.tell(protocol::Pause{PipelineId{1}, false});
  harness.finish(worker);
  harness.finish(worker);
  harness.finish(worker);
  EXPECT_EQ(harness.status(PipelineId{1}).row.eta_ms, 2500);
  harness.finish(worker);
  EXPECT_EQ(harness.status(PipelineId{1}).row.eta_ms, 0);
}

TEST(ForecastQueries, APlanSaysWhichTasksAreCached) {
  BrokerHarness harness;
  harness.offer.images = {{"image", sha256("x")}};
  auto& worker = harness.worker("w");
  protocol::Submission s = BrokerHarness::chains("a b\na c");
  s.use_cache = true;
  harness.submit(s);
  for (int i = 0; i < 2; ++i) {
    ASSERT_FALSE(worker.assigned.empty());
    const protocol::Assignment work = worker.assigned.front();
    worker.assigned.pop_front();
    protocol::AttemptResult result;
    result.task = work.task;
    result.attempt = work.attempt;
    result.outcome = protocol::Outcome::kSucceeded;
    result.artifact = sha256(to_string(work.task));
    result.image_content = sha256("x");
    harness.send_result(worker, result);
  }
  protocol::Submission other = BrokerHarness::chains("a c\na b\na d", "other");
  other.use_cache = true;
  protocol::SubmitChunk chunk = BrokerHarness::chunk(other);
  chunk.plan_only = true;
  const auto planned = harness.ask_for<protocol::Submitted>(chunk);
  EXPECT_EQ(planned.cached, 2u);
  EXPECT_EQ(planned.cached_tasks, std::string(1, '\x05'));  // a and b of a, c, b, d
}

}  // namespace
}  // namespace landseer::broker
