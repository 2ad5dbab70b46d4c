/// Restarts of the broker with a store that remembers. Besides these, the harness replays the whole
/// history after every step of every test and compares the states.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using protocol::Outcome;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

/// A harness that goes on where another one was killed.
std::unique_ptr<BrokerHarness> restart(const BrokerHarness& killed) {
  Settings settings = killed.broker.state().settings;
  ++settings.epoch;
  auto next = std::make_unique<BrokerHarness>(settings);
  next->now = killed.now;
  for (const Record& record : killed.records) {
    EXPECT_TRUE(next->broker.replay(record, next->now));
  }
  next->records = killed.records;
  next->broker.end_replay(next->now);
  return next;
}

TEST(Replay, ARunningTaskIsBelievedWhenItsWorkerComesBack) {
  BrokerHarness first;
  FakeWorker& before = first.worker("w");
  const auto pipeline = first.submit(BrokerHarness::chains("a b")).pipeline;
  const auto attempt = before.assigned.front();
  const auto second = restart(first);
  FakeWorker& after = second->worker("w", 1, {{5, attempt.task, attempt.attempt}});
  ASSERT_EQ(after.verdicts.size(), 1u);
  EXPECT_TRUE(after.verdicts[0].keep);
  protocol::AttemptResult result;
  result.epoch = 5;
  result.task = attempt.task;
  result.attempt = attempt.attempt;
  result.outcome = Outcome::kSucceeded;
  second->send_result(after, result);
  EXPECT_EQ(second->status(pipeline).row.completed, 1u);
  EXPECT_EQ(second->task(attempt.task).attempts, 1u);
  ASSERT_EQ(after.assigned.size(), 1u) << "and the next task follows";
}

TEST(Replay, AWorkerThatDoesNotComeBackIsGivenAFullLease) {
  BrokerHarness first(20s);
  first.worker("gone");
  first.submit(BrokerHarness::chains("a"));
  const auto second = restart(first);
  FakeWorker& other = second->worker("other");
  for (int i = 0; i < 10; ++i) {
    second->advance(2s);
    second->beat(other);
  }
  EXPECT_TRUE(other.assigned.empty());
  for (int i = 0; i < 3; ++i) {
    second->advance(2s);
    second->beat(other);
  }
  EXPECT_EQ(other.assigned.size(), 1u);
}

TEST(Replay, ArtifactsOfWorkersThatAreNotBackYetAreNotMadeAgain) {
  BrokerHarness first;
  FakeWorker& owner = first.worker("owner");
  first.submit(BrokerHarness::chains("a b"));
  first.finish(owner, Outcome::kSucceeded, "A");
  first.finish(owner, Outcome::kReturned);
  owner.assigned.clear();
  const auto second = restart(first);
  FakeWorker& early = second->worker("early");
  EXPECT_TRUE(early.assigned.empty());
  FakeWorker& back = second->worker("owner");
  second->beat(early);
  second->advance(1s);
  EXPECT_EQ(early.assigned.size() + back.assigned.size(), 1u);
  EXPECT_EQ(second->task(TaskId{1}).attempts, 1u);
}

TEST(Replay, AnOldPauseDoesNotCutANewOneShort) {
  BrokerHarness first;
  FakeWorker& before = first.worker("w");
  auto submission = BrokerHarness::chains("a");
  submission.options[0].retries = 3;
  const auto pipeline = first.submit(submission).pipeline;
  first.finish(before, Outcome::kExitCode);
  first.advance(1500ms);
  first.finish(before, Outcome::kExitCode);
  first.advance(3s);
  ASSERT_EQ(before.assigned.size(), 1u);
  const auto attempt = before.assigned.front();
  const auto second = restart(first);
  FakeWorker& after = second->worker("w", 1, {{5, attempt.task, attempt.attempt}});
  protocol::AttemptResult result;
  result.epoch = 5;
  result.task = attempt.task;
  result.attempt = attempt.attempt;
  result.outcome = Outcome::kExitCode;
  second->send_result(after, result);
  second->advance(3900ms);
  EXPECT_EQ(second->status(pipeline).row.running, 0u) << "the third pause is four seconds";
  second->advance(1500ms);
  EXPECT_EQ(second->status(pipeline).row.running, 1u);
}

TEST(Replay, IdsGoOnAndSubmissionsStayIdempotent) {
  BrokerHarness first;
  const auto one = first.submit(BrokerHarness::chains("a b", "one"));
  const auto second = restart(first);
  EXPECT_TRUE(second->submit(BrokerHarness::chains("a b", "one")).existing);
  const auto two = second->submit(BrokerHarness::chains("c", "two"));
  EXPECT_EQ(number(two.pipeline), number(one.pipeline) + 1);
  EXPECT_EQ(second->task(TaskId{3}).tool, "c");
}

TEST(Replay, FailuresCancelsAndReasonsSurvive) {
  BrokerHarness first;
  FakeWorker& worker = first.worker("w");
  const auto failed = first.submit(BrokerHarness::chains("a b", "failed")).pipeline;
  const TaskId task = first.finish(worker, Outcome::kExitCode);
  const auto cancelled = first.submit(BrokerHarness::chains("c\nd", "cancelled")).pipeline;
  first.ask(protocol::Cancel{cancelled, TaskId{}});
  const auto second = restart(first);
  EXPECT_EQ(second->task(task).reason, "because of the test");
  EXPECT_EQ(second->status(failed).row.state, protocol::PipelineState::kFailed);
  EXPECT_EQ(second->status(cancelled).row.cancelled, 1u);
  FakeWorker& again = second->worker("w", 1, {{5, TaskId{3}, 1}});
  EXPECT_EQ(again.stopped.size(), 1u) << "the cancel is not forgotten";
}

PipelineAdded added(PipelineId id, const std::string& body) { return {id, 0, sha256(body), body}; }

TEST(Replay, RecordsThatContradictTheOthersAreRefused) {
  const std::string body = protocol::encode_submission(BrokerHarness::chains("x", "other"));
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  harness.finish(worker);
  const std::vector<Record> wrong{AttemptAssigned{{5, TaskId{1}, 2}, WorkerId{1}, 0},
                                  AttemptAssigned{{5, TaskId{99}, 1}, WorkerId{1}, 0},
                                  AttemptAssigned{{5, TaskId{1}, 1}, WorkerId{9}, 0},
                                  harness.records.back(),
                                  TaskReopened{TaskId{9}, false},
                                  TaskKept{TaskId{1}, 0},
                                  TaskFailed{TaskId{1}, "x", 0},
                                  CancelRequested{PipelineId{1}, TaskId{}, 0},
                                  CancelRequested{PipelineId{}, TaskId{1}, 0},
                                  PipelineForgotten{PipelineId{8}},
                                  added(PipelineId{2}, "rubbish"),
                                  PipelineAdded{PipelineId{2}, 0, sha256("other"), body},
                                  added(PipelineId{7}, body)};
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    Broker copy(harness.broker.state().settings);
    for (const Record& record : harness.records) ASSERT_TRUE(copy.replay(record, harness.now));
    EXPECT_FALSE(copy.replay(wrong[i], harness.now)) << "record " << i;
    copy.check_invariants();
  }
}

TEST(Replay, AnAttemptIsPutOffByADayAtMost) {
  BrokerHarness harness;
  harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  const auto is_assigned = [](const Record& record) {
    return std::holds_alternative<AttemptAssigned>(record);
  };
  const auto found = std::find_if(harness.records.begin(), harness.records.end(), is_assigned);
  ASSERT_NE(found, harness.records.end());
  const protocol::AttemptRef attempt = std::get<AttemptAssigned>(*found).attempt;
  AttemptEnded ended;
  ended.result.epoch = attempt.epoch;
  ended.result.task = attempt.task;
  ended.result.attempt = attempt.attempt;
  for (const std::uint64_t delay_ms : {kDelayMaxMs, kDelayMaxMs + 1, ~std::uint64_t{0}}) {
    Broker copy(harness.broker.state().settings);
    for (const Record& record : harness.records) ASSERT_TRUE(copy.replay(record, harness.now));
    ended.delay_ms = delay_ms;
    EXPECT_EQ(copy.replay(ended, harness.now).has_value(), delay_ms == kDelayMaxMs) << delay_ms;
    copy.check_invariants();
  }
}

}  // namespace
}  // namespace landseer::broker
