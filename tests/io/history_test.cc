/// The history on disk: in slices, once, again after its file is lost, and not for ever.
#include "broker/io/history.h"

#include <gtest/gtest.h>

#include "tests/io/faulty_disk.h"
#include "tests/support/broker_harness.h"
#include "tests/support/temp_folder.h"

namespace landseer::broker {
namespace {

using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

class HistoryTest : public ::testing::Test {
 protected:
  std::string folder() const { return temp.path().string(); }

  /// A pipeline of `tasks` tasks, all completed.
  PipelineId finish_pipeline(const std::string& id, int tasks) {
    std::string text;
    for (int i = 0; i < tasks; ++i) text += "t" + std::to_string(i) + "\n";
    const PipelineId pipeline = harness.submit(BrokerHarness::chains(text, id)).pipeline;
    for (int i = 0; i < tasks; ++i) harness.finish(worker);
    return pipeline;
  }

  int write_all(History& history) {
    int steps = 0;
    while (history.is_due(harness.broker, harness.now)) {
      const auto written = history.step(harness.broker, harness.now);
      EXPECT_TRUE(written) << written.error().to_string();
      if (!written || ++steps > 1000) break;
    }
    return steps;
  }

  std::int64_t count(const std::string& what) const {
    auto database = Database::open(folder() + "/history.sqlite");
    auto query = (*database)->prepare(("SELECT count(*) FROM " + what).c_str());
    EXPECT_TRUE(query && *query->step());
    return query->integer(0);
  }

  std::unique_ptr<History> open(Duration keep = 24h) const {
    auto history = History::open(folder(), keep);
    EXPECT_TRUE(history) << history.error().to_string();
    return std::move(*history);
  }

  test::TempFolder temp;
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 600);
};

TEST_F(HistoryTest, AFinishedPipelineIsWrittenInSlices) {
  finish_pipeline("one", 450);
  const auto history = open();
  EXPECT_GE(write_all(*history), 5);
  EXPECT_EQ(count("tasks WHERE status = 'completed' AND stage = 'pre_training'"), 450);
  EXPECT_EQ(count("workflow_tasks"), 450);
  EXPECT_EQ(count("pipelines WHERE state = 'completed' AND completed = 450"), 1);
  EXPECT_TRUE(harness.broker.state().pipelines.unarchived().empty());
}

TEST_F(HistoryTest, WhatIsThereIsNotWrittenAgainAndWhatWasCutIs) {
  finish_pipeline("one", 3);
  write_all(*open());
  finish_pipeline("two", 450);
  {
    const auto history = open();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(history->step(harness.broker, harness.now));
  }
  Broker copy(harness.broker.state().settings);
  for (const Record& record : harness.records) ASSERT_TRUE(copy.replay(record, harness.now));
  copy.end_replay(harness.now);
  EXPECT_EQ(copy.state().pipelines.unarchived().size(), 2u);
  const auto history = open();
  ASSERT_TRUE(history->compare(copy));
  EXPECT_EQ(copy.state().pipelines.unarchived().size(), 1u);
  while (!copy.state().pipelines.unarchived().empty()) {
    ASSERT_TRUE(history->step(copy, harness.now));
  }
  EXPECT_EQ(count("tasks"), 453);
  EXPECT_EQ(count("pipelines"), 2);
}

TEST_F(HistoryTest, APipelineIsInTheHistoryOnlyWhenTheDiskHasIt) {
  FaultyDisk::arm(Fault::kNone, 0);
  finish_pipeline("one", 3);
  const auto history = open();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(history->step(harness.broker, harness.now));
  FaultyDisk::arm(Fault::kFullForLong, 1);
  EXPECT_FALSE(history->step(harness.broker, harness.now));
  FaultyDisk::disarm();
  EXPECT_EQ(harness.broker.state().pipelines.unarchived().size(), 1u);
  write_all(*history);
  EXPECT_EQ(count("pipelines"), 1);
  EXPECT_EQ(count("tasks"), 3);
}

TEST_F(HistoryTest, APipelineThatIsRetriedWhileItIsWrittenBeginsAgain) {
  const PipelineId pipeline = harness.submit(BrokerHarness::chains("a\nb", "one")).pipeline;
  harness.finish(worker);
  harness.finish(worker, protocol::Outcome::kExitCode);
  const auto history = open();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(history->step(harness.broker, harness.now));
  EXPECT_EQ(count("tasks"), 2);
  harness.ask(protocol::Retry{pipeline, TaskId{}});
  harness.advance(1s);
  harness.finish(worker);
  write_all(*history);
  EXPECT_EQ(count("tasks WHERE status = 'completed'"), 2);
  EXPECT_EQ(count("pipelines WHERE state = 'completed'"), 1);
}

TEST_F(HistoryTest, WhatIsTooOldIsRemovedInSlices) {
  finish_pipeline("old", 5);
  write_all(*open());
  harness.advance(23h);
  harness.beat(harness.worker("w", 600));
  finish_pipeline("young", 2);
  harness.advance(2h);
  write_all(*open());
  EXPECT_EQ(count("pipelines"), 1);
  EXPECT_EQ(count("tasks"), 2);
  EXPECT_EQ(count("workflows"), 2);
  EXPECT_EQ(count("workflow_tasks"), 2);
}

TEST_F(HistoryTest, NothingIsForgottenThatIsNotInTheHistory) {
  Settings settings = BrokerHarness::make_settings(120s);
  settings.kept_tasks_max = 3;
  settings.keeps_history = true;
  BrokerHarness small(settings);
  small.take_snapshots = false;
  FakeWorker& runner = small.worker("w", 4);
  small.submit(BrokerHarness::chains("a\nb", "first"));
  small.finish(runner);
  small.finish(runner);
  small.submit(BrokerHarness::chains("c\nd", "second"));
  EXPECT_EQ(small.broker.state().pipelines.all().size(), 2u);
  small.broker.archived(PipelineId{1});
  small.submit(BrokerHarness::chains("e", "third"));
  EXPECT_EQ(small.broker.state().pipelines.all().size(), 2u);
  EXPECT_EQ(small.broker.state().pipelines.find(PipelineId{1}), nullptr);
}

}  // namespace
}  // namespace landseer::broker
