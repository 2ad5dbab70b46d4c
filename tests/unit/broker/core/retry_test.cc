/// `landseer retry`: what is over runs again because a user says so.
#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;
using protocol::Outcome;
using protocol::PipelineState;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

TaskStatus status_of(BrokerHarness& harness, TaskId task) {
  return static_cast<TaskStatus>(harness.task(task).status);
}

TEST(Retry, AFailedTaskRunsAgainAndItsAttemptNumbersGoOn) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b")).pipeline;
  const TaskId failed = harness.finish(worker, Outcome::kExitCode);
  ASSERT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
  ASSERT_TRUE(worker.assigned.empty());
  EXPECT_EQ(harness.ask_for<protocol::Retried>(protocol::Retry{{}, failed}).tasks, 2u);
  const auto row = harness.status(pipeline).row;
  EXPECT_EQ(row.state, PipelineState::kRunning);
  EXPECT_EQ(row.finished_at, 0);
  EXPECT_EQ(row.failed + row.skipped, 0u);
  ASSERT_EQ(worker.assigned.size(), 1u);
  EXPECT_EQ(worker.assigned.front().attempt, 2u);
  harness.finish(worker);
  harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST(Retry, ThePipelineTakesAllFailedTasksAndWhatTheySkipped) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 3);
  const auto pipeline = harness.submit(BrokerHarness::chains("a b\nc d\ne")).pipeline;
  harness.finish(worker, Outcome::kExitCode);
  harness.finish(worker, Outcome::kSignal);
  harness.finish(worker);
  ASSERT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
  EXPECT_EQ(harness.ask_for<protocol::Retried>(protocol::Retry{pipeline, {}}).tasks, 4u);
  EXPECT_EQ(worker.assigned.size(), 2u);
  EXPECT_EQ(harness.status(pipeline).row.pending, 2u);
  for (int i = 0; i < 4; ++i) harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST(Retry, OthersOfThePipelineGoOnMeanwhile) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 2);
  const auto pipeline = harness.submit(BrokerHarness::chains("a\nb")).pipeline;
  const TaskId failed = harness.finish(worker, Outcome::kExitCode);
  ASSERT_EQ(harness.status(pipeline).row.state, PipelineState::kRunning);
  harness.ask_for<protocol::Retried>(protocol::Retry{{}, failed});
  EXPECT_EQ(worker.assigned.size(), 2u);
  harness.finish(worker);
  harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST(Retry, TheCountsThatLeadToGivingUpStartAnew) {
  BrokerHarness harness;
  auto submission = BrokerHarness::chains("a");
  submission.options[0].retries = 1;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(submission).pipeline;
  for (int round = 0; round < 2; ++round) {
    const TaskId task = harness.finish(worker, Outcome::kExitCode);
    EXPECT_EQ(status_of(harness, task), TaskStatus::kPending) << "one retry is left";
    harness.advance(2s);
    harness.beat(worker);
    harness.finish(worker, Outcome::kExitCode);
    EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
    if (round == 0) harness.ask_for<protocol::Retried>(protocol::Retry{{}, task});
  }
}

TEST(Retry, AnOldPauseDoesNotCutANewOneShort) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  auto submission = BrokerHarness::chains("a");
  submission.options[0].retries = 1;
  harness.submit(submission);
  const TaskId task = harness.finish(worker, Outcome::kExitCode);
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{{}, task});
  harness.ask_for<protocol::Retried>(protocol::Retry{{}, task});
  harness.advance(900ms);
  harness.finish(worker, Outcome::kExitCode);
  harness.advance(900ms);
  EXPECT_TRUE(worker.assigned.empty()) << "the pause is a second at least";
  harness.advance(1s);
  EXPECT_EQ(worker.assigned.size(), 1u);
}

TEST(Retry, ACountOfLossesStartsAnewToo) {
  BrokerHarness harness(20s);
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  const auto lose_three = [&](const std::string& prefix) {
    for (int i = 0; i < 3; ++i) {
      harness.worker(prefix + std::to_string(i));
      harness.advance(30s);
    }
  };
  lose_three("first");
  ASSERT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
  harness.ask_for<protocol::Retried>(protocol::Retry{pipeline, {}});
  FakeWorker& worker = harness.worker("last");
  ASSERT_EQ(worker.assigned.size(), 1u);
  EXPECT_EQ(worker.assigned.front().attempt, 4u);
  harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST(Retry, ACancelledPipelineRunsAgain) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b")).pipeline;
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{pipeline, {}});
  const auto early = harness.ask_in_vain(protocol::Retry{pipeline, {}});
  EXPECT_EQ(early.code, ErrorCode::kConflict);
  EXPECT_NE(early.message.find("still being stopped"), std::string::npos);
  harness.finish(worker, Outcome::kCancelled);
  ASSERT_EQ(harness.status(pipeline).row.state, PipelineState::kCancelled);
  EXPECT_EQ(harness.ask_for<protocol::Retried>(protocol::Retry{pipeline, {}}).tasks, 2u);
  harness.finish(worker);
  harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST(Retry, TasksThatWereCancelledOneByOneAreRetriedOneByOne) {
  BrokerHarness harness;
  const auto pipeline = harness.submit(BrokerHarness::chains("a b")).pipeline;
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{{}, TaskId{1}});
  const auto refused = harness.ask_in_vain(protocol::Retry{pipeline, {}});
  EXPECT_EQ(refused.code, ErrorCode::kConflict);
  EXPECT_NE(refused.message.find("1 were cancelled one by one"), std::string::npos);
  EXPECT_EQ(harness.ask_for<protocol::Retried>(protocol::Retry{{}, TaskId{1}}).tasks, 2u);
}

TEST(Retry, OfASkippedTaskNamesTheTaskToRetryInstead) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a b c"));
  const TaskId failed = harness.finish(worker, Outcome::kExitCode);
  const auto refused = harness.ask_in_vain(protocol::Retry{{}, TaskId{3}});
  EXPECT_EQ(refused.code, ErrorCode::kConflict);
  EXPECT_NE(refused.hint.find("retry " + to_string(failed) + " instead"), std::string::npos);
}

TEST(Retry, WhatCannotBeRetriedIsRefusedAndChangesNothing) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  const auto before = harness.records.size();
  EXPECT_EQ(harness.ask_in_vain(protocol::Retry{PipelineId{9}, {}}).code, ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::Retry{{}, TaskId{99}}).code, ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::Retry{}).code, ErrorCode::kInvalid);
  EXPECT_EQ(harness.ask_in_vain(protocol::Retry{pipeline, TaskId{1}}).code, ErrorCode::kInvalid);
  EXPECT_EQ(harness.ask_in_vain(protocol::Retry{pipeline, {}}).code, ErrorCode::kConflict);
  EXPECT_EQ(harness.ask_in_vain(protocol::Retry{{}, TaskId{1}}).code, ErrorCode::kConflict);
  EXPECT_EQ(harness.records.size(), before);
  harness.finish(worker);
  EXPECT_EQ(harness.ask_in_vain(protocol::Retry{pipeline, {}}).code, ErrorCode::kConflict);
}

TEST(Retry, WatchersAreTold) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 2);
  const auto pipeline = harness.submit(BrokerHarness::chains("a\nb")).pipeline;
  const TaskId failed = harness.finish(worker, Outcome::kExitCode);
  const auto version = harness.status(pipeline).version;
  harness.tell(protocol::WatchPipeline{pipeline, version, false});
  ASSERT_TRUE(harness.replies.empty());
  harness.tell(protocol::Retry{{}, failed});
  ASSERT_EQ(harness.replies.size(), 2u);
  const auto& news = std::get<protocol::PipelineStatus>(harness.replies.back().message);
  EXPECT_EQ(news.row.failed, 0u);
  harness.replies.clear();
}

TEST(Retry, AReRunThatWasGivenUpStartsAnewAndWhatLiesBetweenIsNotRunAgain) {
  BrokerHarness harness(20s);
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b c")).pipeline;
  harness.finish(worker, Outcome::kSucceeded, "of a");
  harness.finish(worker, Outcome::kSucceeded, "of b");
  // c cannot get the artifact of a, which is made again, in vain.
  ASSERT_EQ(worker.assigned.size(), 1u);
  protocol::AttemptResult result;
  result.task = worker.assigned.front().task;
  result.attempt = worker.assigned.front().attempt;
  result.outcome = Outcome::kInputMissing;
  result.missing_input = sha256("of a");
  worker.assigned.clear();
  harness.send_result(worker, result);
  const TaskId first = harness.finish(worker, Outcome::kExitCode);
  ASSERT_EQ(first, TaskId{1});
  ASSERT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
  EXPECT_EQ(harness.ask_for<protocol::Retried>(protocol::Retry{{}, first}).tasks, 3u);
  EXPECT_EQ(harness.finish(worker, Outcome::kSucceeded, "of a, again"), TaskId{1});
  EXPECT_EQ(harness.finish(worker), TaskId{3}) << "b is as it was";
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST(Retry, AStoredRetryOfNothingIsRefusedAtStart) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("a"));
  Broker copy(harness.broker.state().settings);
  for (const Record& record : harness.records) ASSERT_TRUE(copy.replay(record, harness.now));
  for (const RetryRequested& bad :
       {RetryRequested{PipelineId{1}, {}, 1}, RetryRequested{{}, TaskId{1}, 1},
        RetryRequested{PipelineId{7}, {}, 1}, RetryRequested{{}, TaskId{7}, 1}}) {
    const auto replayed = copy.replay(bad, harness.now);
    ASSERT_FALSE(replayed);
    EXPECT_EQ(replayed.error().code, ErrorCode::kInternal);
  }
}

}  // namespace
}  // namespace landseer::broker
