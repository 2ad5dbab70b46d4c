/// The broker's core at its daily work: tasks run in order, results come back, clients are told.
#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using protocol::Outcome;
using protocol::PipelineState;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

TEST(Broker, RunsAChainInOrderAndThePipelineCompletes) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  const auto submitted = harness.submit(BrokerHarness::chains("a b c"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(worker.assigned.size(), 1u) << "one at a time: each waits for the one before";
    EXPECT_EQ(worker.specs.back().tool, std::string(1, static_cast<char>('a' + i)));
    harness.finish(worker);
  }
  const auto status = harness.status(submitted.pipeline);
  EXPECT_EQ(status.row.state, PipelineState::kCompleted);
  EXPECT_EQ(status.row.completed, 3u);
  EXPECT_EQ(status.row.workflows_completed, 1u);
  EXPECT_GT(status.row.finished_at, 0);
}

TEST(Broker, ASharedTaskRunsOnce) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 8);
  const auto submitted = harness.submit(BrokerHarness::chains("a b\na c\na d"));
  EXPECT_EQ(submitted.tasks, 4u);
  EXPECT_EQ(submitted.task_instances, 6u);
  EXPECT_EQ(worker.assigned.size(), 1u);
  harness.finish(worker);
  EXPECT_EQ(worker.assigned.size(), 3u);
}

TEST(Broker, EqualTasksOfASubmissionAreOneEvenIfItRepeatsThem) {
  BrokerHarness harness;
  auto submission = BrokerHarness::chains("a");
  submission.tasks.push_back(submission.tasks[0]);
  submission.workflows.push_back({"twin", {1}});
  EXPECT_EQ(harness.submit(submission).tasks, 1u);
}

TEST(Broker, ANewlyReadyTaskIsAssignedInTheSameTurn) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a b"));
  const auto before = harness.now.instant;
  harness.finish(worker);
  EXPECT_EQ(worker.assigned.size(), 1u);
  EXPECT_EQ(harness.now.instant, before);
}

TEST(Broker, BothWorkersGetWork) {
  BrokerHarness harness;
  FakeWorker& one = harness.worker("one", 2);
  FakeWorker& two = harness.worker("two", 2);
  harness.submit(BrokerHarness::chains("a\nb\nc\nd\ne"));
  EXPECT_EQ(one.assigned.size(), 2u);
  EXPECT_EQ(two.assigned.size(), 2u);
}

TEST(Broker, AWorkerStartedLateGetsWorkAtOnce) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("a\nb"));
  EXPECT_EQ(harness.worker("late").assigned.size(), 1u);
}

TEST(Broker, FailureSkipsDependentsAndEverythingElseGoesOn) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto submitted = harness.submit(BrokerHarness::chains("a b c\nx y"));
  const TaskId a = harness.finish(worker, Outcome::kExitCode);
  EXPECT_EQ(harness.task(a).reason, "because of the test");
  harness.finish(worker);
  harness.finish(worker);
  const auto row = harness.status(submitted.pipeline).row;
  EXPECT_EQ(row.state, PipelineState::kFailed);
  EXPECT_EQ(row.failed, 1u);
  EXPECT_EQ(row.skipped, 2u);
  EXPECT_EQ(row.completed, 2u);
  EXPECT_EQ(row.workflows_completed, 1u);
}

TEST(Broker, TheReasonOfAFailureHasTheLastLinesOfTheLog) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  protocol::AttemptResult result;
  result.task = worker.assigned.front().task;
  result.attempt = 1;
  result.outcome = Outcome::kExitCode;
  result.exit_code = 3;
  result.reason = "exit code 3";
  result.log_tail = "ValueError: shapes differ";
  harness.send_result(worker, result);
  const auto row = harness.task(result.task);
  EXPECT_NE(row.reason.find("exit code 3"), std::string::npos);
  EXPECT_NE(row.reason.find("ValueError: shapes differ"), std::string::npos);
}

TEST(Broker, RetriesAfterABackoffThatGrows) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  auto submission = BrokerHarness::chains("a");
  submission.options[0].retries = 2;
  const auto pipeline = harness.submit(submission).pipeline;
  const TaskId task = harness.finish(worker, Outcome::kExitCode);
  EXPECT_TRUE(worker.assigned.empty()) << "not at once";
  EXPECT_EQ(harness.status(pipeline).row.pending, 1u);
  harness.beat(worker);
  harness.advance(1300ms);
  ASSERT_EQ(worker.assigned.size(), 1u);
  EXPECT_EQ(worker.assigned.front().attempt, 2u);
  harness.finish(worker, Outcome::kExitCode);
  harness.beat(worker);
  harness.advance(1300ms);
  EXPECT_TRUE(worker.assigned.empty()) << "two seconds the second time";
  harness.beat(worker);
  harness.advance(1300ms);
  harness.finish(worker, Outcome::kExitCode);
  EXPECT_EQ(harness.task(task).attempts, 3u);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
}

TEST(Broker, ResultsAreAcknowledgedAfterTheirRecord) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  harness.finish(worker);
  EXPECT_EQ(worker.acknowledged.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<AttemptEnded>(harness.records.back()));
}

TEST(Broker, AWatcherIsAnsweredWhenSomethingChanges) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b")).pipeline;
  const auto version = harness.status(pipeline).version;
  harness.tell(protocol::WatchPipeline{pipeline, version, false});
  EXPECT_TRUE(harness.replies.empty());
  harness.finish(worker);
  ASSERT_EQ(harness.replies.size(), 1u);
  EXPECT_EQ(std::get<protocol::PipelineStatus>(harness.replies[0].message).row.completed, 1u);
}

TEST(Broker, AWaiterHearsOnlyOfTheEndOrAfterTenSeconds) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b")).pipeline;
  harness.tell(protocol::WatchPipeline{pipeline, 1, true});
  harness.finish(worker);
  EXPECT_TRUE(harness.replies.empty());
  harness.beat(worker);
  harness.advance(10s);
  EXPECT_EQ(harness.replies.size(), 1u) << "so that a client knows the broker lives";
  harness.replies.clear();
  harness.tell(protocol::WatchPipeline{pipeline, 1, true});
  harness.finish(worker);
  ASSERT_EQ(harness.replies.size(), 1u);
  EXPECT_EQ(std::get<protocol::PipelineStatus>(harness.replies[0].message).row.state,
            PipelineState::kCompleted);
}

TEST(Broker, CancellingAPipelineStopsWhatRunsAndDropsTheRest) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b\nc")).pipeline;
  const auto done = harness.ask_for<protocol::Cancelled>(protocol::Cancel{pipeline, TaskId{}});
  EXPECT_EQ(done.tasks, 2u);
  EXPECT_EQ(done.running, 1u);
  ASSERT_EQ(worker.stopped.size(), 1u);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kRunning)
      << "until the worker says that the processes are gone";
  harness.finish(worker, Outcome::kCancelled);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCancelled);
  EXPECT_EQ(harness.status(pipeline).row.cancelled, 3u);
}

TEST(Broker, CancellingWhatIsFinishedIsRefused) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  const TaskId task = harness.finish(worker);
  EXPECT_EQ(harness.ask_in_vain(protocol::Cancel{pipeline, TaskId{}}).code, ErrorCode::kConflict);
  EXPECT_EQ(harness.ask_in_vain(protocol::Cancel{PipelineId{}, task}).code, ErrorCode::kConflict);
  EXPECT_EQ(harness.ask_in_vain(protocol::Cancel{PipelineId{9}, TaskId{}}).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::Cancel{PipelineId{}, TaskId{99}}).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::Cancel{}).code, ErrorCode::kInvalid);
}

TEST(Broker, CancellingATaskSkipsItsDependents) {
  BrokerHarness harness;
  const auto pipeline = harness.submit(BrokerHarness::chains("a b\nc")).pipeline;
  const auto done = harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{}, TaskId{1}});
  EXPECT_EQ(done.tasks, 2u);
  EXPECT_EQ(harness.status(pipeline).row.skipped, 1u);
}

TEST(Broker, AResultThatCrossesACancelStillCounts) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  harness.ask(protocol::Cancel{pipeline, TaskId{}});
  harness.finish(worker, Outcome::kSucceeded);
  EXPECT_EQ(harness.status(pipeline).row.completed, 1u);
}

TEST(Broker, ListingsShowWhatClientsNeed) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b\na c")).pipeline;
  harness.say(worker, protocol::Started{worker.session, {{{worker.epoch, TaskId{1}, 1}, 1234}}});
  const auto tasks =
      harness.ask_for<protocol::TaskList>(protocol::ListTasks{pipeline, 0, "", 0, 2});
  ASSERT_EQ(tasks.rows.size(), 2u);
  EXPECT_EQ(tasks.next_offset, 2u);
  EXPECT_EQ(tasks.rows[0].started_at, 1234);
  EXPECT_EQ(tasks.rows[0].worker, "w");
  EXPECT_EQ(tasks.rows[0].priority, -2);
  EXPECT_EQ(tasks.rows[1].dependency_level, 1u);
  const auto only_c =
      harness.ask_for<protocol::TaskList>(protocol::ListTasks{pipeline, 0, "c", 0, 0});
  EXPECT_EQ(only_c.rows.size(), 1u);
  const auto running =
      harness.ask_for<protocol::TaskList>(protocol::ListTasks{pipeline, 2, "", 0, 0});
  EXPECT_EQ(running.rows.size(), 1u);
  const auto workflows =
      harness.ask_for<protocol::WorkflowList>(protocol::ListWorkflows{pipeline, 0, 0});
  ASSERT_EQ(workflows.rows.size(), 2u);
  EXPECT_EQ(workflows.rows[0].tasks.size(), 2u);
  const auto workers = harness.ask_for<protocol::WorkerList>(protocol::ListWorkers{});
  ASSERT_EQ(workers.rows.size(), 1u);
  EXPECT_EQ(workers.rows[0].running, 1u);
  EXPECT_EQ(workers.rows[0].cpus_free_milli, 0u);
  EXPECT_EQ(harness.ask_for<protocol::PipelineList>(protocol::ListPipelines{}).rows.size(), 1u);
  const auto detail = harness.ask_for<protocol::TaskDetail>(protocol::GetTask{TaskId{1}});
  EXPECT_NE(detail.key_ingredients.find("\"tool\":\"a\""), std::string::npos);
  EXPECT_EQ(detail.attempts.size(), 1u);
}

TEST(Broker, UnknownObjectsAreNotFound) {
  BrokerHarness harness;
  EXPECT_EQ(harness.ask_in_vain(protocol::GetTask{TaskId{3}}).code, ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::ListTasks{PipelineId{3}, 0, "", 0, 0}).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::WatchPipeline{PipelineId{3}, 0, false}).code,
            ErrorCode::kNotFound);
}

TEST(Broker, SaysWhyNothingMoves) {
  BrokerHarness harness;
  auto submission = BrokerHarness::chains("a");
  submission.dataset_name = "digits";
  submission.dataset_variant = "clean";
  const auto pipeline = harness.submit(submission).pipeline;
  auto notices = harness.status(pipeline).notices;
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("no worker is connected"), std::string::npos);
  FakeWorker& worker = harness.worker("w");
  notices = harness.status(pipeline).notices;
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("dataset digits:clean"), std::string::npos);
  const std::vector<protocol::DatasetOffer> unread{{"digits", "clean"}};
  harness.say(worker, protocol::Offer{worker.session, {}, unread, {}, ""});
  notices = harness.status(pipeline).notices;
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("data set or image that the pipeline began with"), std::string::npos);
  harness.say(worker, protocol::Offer{worker.session, {}, unread, {}, "disk full: 0 B"});
  notices = harness.status(pipeline).notices;
  EXPECT_EQ(notices, std::vector<std::string>{"w gets no work: disk full: 0 B"});
}

}  // namespace
}  // namespace landseer::broker
