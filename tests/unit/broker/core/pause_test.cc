/// `landseer pause` and `resume`.
#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using protocol::Outcome;
using protocol::PipelineState;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

protocol::Paused pause(BrokerHarness& harness, PipelineId pipeline) {
  return harness.ask_for<protocol::Paused>(protocol::Pause{pipeline, true});
}

protocol::Paused resume(BrokerHarness& harness, PipelineId pipeline) {
  return harness.ask_for<protocol::Paused>(protocol::Pause{pipeline, false});
}

TEST(Pause, RunningAttemptsEndAndNothingNewStarts) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b\nc")).pipeline;
  const auto answer = pause(harness, pipeline);
  EXPECT_TRUE(answer.changed);
  EXPECT_EQ(answer.running, 1u);
  EXPECT_TRUE(worker.stopped.empty());
  harness.finish(worker);
  EXPECT_TRUE(worker.assigned.empty());
  const auto status = harness.status(pipeline);
  EXPECT_EQ(status.row.state, PipelineState::kPaused);
  EXPECT_EQ(status.row.completed, 1u);
  EXPECT_EQ(status.row.eta_ms, -1);
  ASSERT_EQ(status.notices.size(), 1u);
  EXPECT_NE(status.notices[0].find("landseer resume pipeline_1"), std::string::npos);
  EXPECT_TRUE(resume(harness, pipeline).changed);
  for (int i = 0; i < 2; ++i) harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST(Pause, OfAPausedPipelineAndResumeOfARunningOneChangeNothing) {
  BrokerHarness harness;
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  EXPECT_FALSE(resume(harness, pipeline).changed);
  EXPECT_TRUE(pause(harness, pipeline).changed);
  const auto before = harness.records.size();
  EXPECT_FALSE(pause(harness, pipeline).changed);
  EXPECT_EQ(harness.records.size(), before);
}

TEST(Pause, OfWhatIsOverOrUnknownIsRefused) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  harness.finish(worker);
  for (const bool paused : {true, false}) {
    const auto refused = harness.ask_in_vain(protocol::Pause{pipeline, paused});
    EXPECT_EQ(refused.code, ErrorCode::kConflict);
    EXPECT_NE(refused.message.find("completed"), std::string::npos);
    EXPECT_EQ(harness.ask_in_vain(protocol::Pause{PipelineId{9}, paused}).code,
              ErrorCode::kNotFound);
  }
}

TEST(Pause, OthersGetTheFreePlaces) {
  BrokerHarness harness;
  const auto first = harness.submit(BrokerHarness::chains("a", "first")).pipeline;
  harness.submit(BrokerHarness::chains("b", "second"));
  pause(harness, first);
  FakeWorker& worker = harness.worker("w");
  ASSERT_EQ(worker.specs.size(), 1u);
  EXPECT_EQ(worker.specs[0].tool, "b");
}

TEST(Pause, WhatComesBackWaits) {
  BrokerHarness harness(20s);
  auto submission = BrokerHarness::chains("a\nb");
  submission.options[0].retries = 1;
  FakeWorker& worker = harness.worker("w", 2);
  const auto pipeline = harness.submit(submission).pipeline;
  pause(harness, pipeline);
  harness.finish(worker, Outcome::kExitCode);
  harness.advance(60s);  // the backoff is over, and the worker is lost
  FakeWorker& other = harness.worker("other", 2);
  EXPECT_TRUE(other.assigned.empty());
  EXPECT_EQ(harness.status(pipeline).row.ready, 2u);
  resume(harness, pipeline);
  EXPECT_EQ(other.assigned.size(), 2u);
}

TEST(Pause, APausedPipelineCanBeCancelled) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b")).pipeline;
  pause(harness, pipeline);
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{pipeline, {}});
  EXPECT_EQ(worker.stopped.size(), 1u);
  EXPECT_EQ(harness.ask_in_vain(protocol::Pause{pipeline, true}).code, ErrorCode::kConflict);
  harness.finish(worker, Outcome::kCancelled);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCancelled);
  EXPECT_FALSE(harness.ask_for<protocol::Retried>(protocol::Retry{pipeline, {}}).paused);
  EXPECT_EQ(worker.assigned.size(), 1u) << "a retry of what is over starts at once";
}

TEST(Pause, ARetryInAPausedPipelineWaits) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a\nb")).pipeline;
  const TaskId failed = harness.finish(worker, Outcome::kExitCode);
  pause(harness, pipeline);
  EXPECT_TRUE(harness.ask_for<protocol::Retried>(protocol::Retry{{}, failed}).paused);
  harness.finish(worker);
  EXPECT_TRUE(worker.assigned.empty());
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kPaused);
  resume(harness, pipeline);
  harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST(Pause, EndsWithThePipeline) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  pause(harness, pipeline);
  harness.finish(worker, Outcome::kExitCode);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
  harness.ask_for<protocol::Retried>(protocol::Retry{pipeline, {}});
  EXPECT_EQ(worker.assigned.size(), 1u);
}

TEST(Pause, WatchersAreToldAndThoseThatWaitForTheEndGoOnWaiting) {
  BrokerHarness harness;
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  const auto version = harness.status(pipeline).version;
  harness.tell(protocol::WatchPipeline{pipeline, version, true});
  harness.tell(protocol::WatchPipeline{pipeline, version, false});
  ASSERT_TRUE(harness.replies.empty());
  harness.tell(protocol::Pause{pipeline, true});
  ASSERT_EQ(harness.replies.size(), 2u);
  const auto& news = std::get<protocol::PipelineStatus>(harness.replies.back().message);
  EXPECT_EQ(news.row.state, PipelineState::kPaused);
  harness.replies.clear();
}

TEST(Pause, AStoredPauseOfNothingIsRefusedAtStart) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("a"));
  Broker copy(harness.broker.state().settings);
  for (const Record& record : harness.records) ASSERT_TRUE(copy.replay(record, harness.now));
  EXPECT_FALSE(copy.replay(PauseChanged{PipelineId{7}, true, 1}, harness.now));
  EXPECT_FALSE(copy.replay(PauseChanged{PipelineId{1}, false, 1}, harness.now));
  EXPECT_TRUE(copy.replay(PauseChanged{PipelineId{1}, true, 1}, harness.now));
}

}  // namespace
}  // namespace landseer::broker
