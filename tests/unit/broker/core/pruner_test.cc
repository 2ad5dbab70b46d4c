/// `stop_after` and `stop_when`. After every step the harness replays everything and loads a
/// snapshot, and compares the states.
#include "broker/core/pruner.h"

#include <gtest/gtest.h>

#include "common/protocol/limits.h"
#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;
using protocol::Outcome;
using protocol::PipelineState;
using testing::BrokerHarness;
using testing::FakeWorker;

/// As BrokerHarness::chains(); tools whose names begin with `eval` evaluate.
protocol::Submission grid(const std::string& text, std::vector<std::string> rules) {
  auto submission = BrokerHarness::chains(text);
  for (auto& task : submission.tasks) {
    if (submission.tools[task.tool].name.starts_with("eval")) task.type = 5;
  }
  submission.stop_when = std::move(rules);
  return submission;
}

class Rules : public ::testing::Test {
 protected:
  void report(FakeWorker& worker, const std::string& metrics, bool skipped = false) {
    const protocol::Assignment work = worker.assigned.front();
    worker.assigned.pop_front();
    protocol::AttemptResult result;
    result.task = work.task;
    result.attempt = work.attempt;
    result.outcome = Outcome::kSucceeded;
    result.metrics = metrics;
    result.evaluation_skipped = skipped;
    result.started_at = harness.now.wall.unix_ms - 5000;
    result.finished_at = harness.now.wall.unix_ms;
    harness.send_result(worker, result);
  }

  void stop_what_was_asked(FakeWorker& worker) {
    for (const auto& attempt : std::exchange(worker.stopped, {})) {
      std::erase_if(worker.assigned, [&](const auto& work) { return work.task == attempt.task; });
      protocol::AttemptResult result;
      result.task = attempt.task;
      result.attempt = attempt.attempt;
      result.outcome = Outcome::kCancelled;
      result.started_at = harness.now.wall.unix_ms;
      harness.send_result(worker, result);
    }
  }

  std::vector<protocol::TaskRow> tasks(PipelineId pipeline) {
    return harness.ask_for<protocol::TaskList>(protocol::ListTasks{pipeline, 0, "", 0, 0}).rows;
  }

  std::string statuses(PipelineId pipeline) {
    std::string text;
    for (const protocol::TaskRow& row : tasks(pipeline)) {
      const auto status = static_cast<TaskStatus>(row.status);
      text += (text.empty() ? "" : ", ") + row.tool + " " +
              (status == TaskStatus::kCancelled && row.pruned ? "pruned"
                                                              : std::string(to_string(status)));
    }
    return text;
  }

  BrokerHarness harness;
};

TEST_F(Rules, WhatDependsOnABadPrefixIsPruned) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline =
      harness.submit(grid("a eval\na b eval_b\na c\nd", {"accuracy < 0.5"})).pipeline;
  harness.finish(worker);  // a
  ASSERT_EQ(worker.specs.back().tool, "d");
  harness.finish(worker);
  while (worker.specs.back().tool != "eval") harness.finish(worker);
  report(worker, R"({"accuracy": 0.42})");
  const auto status = harness.status(pipeline);
  EXPECT_EQ(status.row.pending, 0u);
  EXPECT_GT(status.row.pruned, 0u);
  ASSERT_EQ(status.prunings.size(), 1u);
  EXPECT_EQ(status.prunings[0].rule, "accuracy < 0.5");
  EXPECT_EQ(status.prunings[0].times, 1u);
  EXPECT_EQ(status.prunings[0].tasks, status.row.pruned);
  for (const auto& row : tasks(pipeline)) {
    if (!row.pruned) continue;
    EXPECT_NE(row.reason.find("accuracy = 0.42"), std::string::npos) << row.reason;
  }
  EXPECT_EQ(status.row.state, PipelineState::kCompleted) << statuses(pipeline);
}

TEST_F(Rules, RunningTasksAreStoppedAndRunningEvaluationsAreNot) {
  FakeWorker& worker = harness.worker("w", 4);
  const auto pipeline = harness.submit(grid("a eval_1\na eval_2\na b c", {"x > 1"})).pipeline;
  harness.finish(worker);
  ASSERT_EQ(worker.assigned.size(), 3u) << statuses(pipeline);
  ASSERT_EQ(worker.specs[1].tool, "eval_1");
  report(worker, R"({"x": 2})");
  EXPECT_EQ(worker.stopped.size(), 1u);
  EXPECT_EQ(statuses(pipeline),
            "a completed, eval_1 completed, eval_2 running, b running, c pruned");
  const auto rows = tasks(pipeline);
  EXPECT_TRUE(rows[3].pruned) << "as soon as it is stopped";
  stop_what_was_asked(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kRunning);
  report(worker, R"({"x": 0})");
  EXPECT_EQ(statuses(pipeline),
            "a completed, eval_1 completed, eval_2 completed, b pruned, c pruned");
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST_F(Rules, ATaskThatIsFasterThanItsPruningCounts) {
  FakeWorker& worker = harness.worker("w", 2);
  const auto pipeline = harness.submit(grid("a eval\na b c", {"x > 1"})).pipeline;
  harness.finish(worker);
  report(worker, R"({"x": 2})");
  EXPECT_EQ(worker.stopped.size(), 1u);
  harness.finish(worker);
  EXPECT_EQ(statuses(pipeline), "a completed, eval completed, b completed, c pruned");
  EXPECT_FALSE(tasks(pipeline)[2].pruned);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST_F(Rules, ThatDoNotHoldChangeNothingAndSayWhy) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline =
      harness.submit(grid("a eval\na b", {"acc < 0.5", "loss > 3 and acc < 0.9"})).pipeline;
  harness.finish(worker);
  while (worker.specs.back().tool != "eval") harness.finish(worker);
  report(worker, R"({"accuracy": 0.1, "name": "x"})");
  const auto status = harness.status(pipeline);
  EXPECT_EQ(status.row.cancelled, 0u);
  ASSERT_FALSE(status.notices.empty());
  EXPECT_NE(status.notices[0].find("'acc', 'loss'"), std::string::npos) << status.notices[0];
  EXPECT_NE(status.notices[0].find("reported: 'accuracy'"), std::string::npos);
  TaskId evaluation{};
  for (const auto& row : tasks(pipeline)) {
    if (row.tool == "eval") evaluation = row.task;
  }
  const auto why = harness.ask_for<protocol::Explanation>(protocol::GetExplanation{evaluation});
  ASSERT_FALSE(why.reasons.empty());
  EXPECT_NE(why.reasons[0].find("acc was not reported"), std::string::npos) << why.reasons[0];
}

TEST_F(Rules, LookAtNoSkippedEvaluationAndNoMissingNumber) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(grid("a eval\na b", {"x < 1 or y != 7"})).pipeline;
  harness.finish(worker);
  while (worker.specs.back().tool != "eval") harness.finish(worker);
  report(worker, R"({"x": 0})", true);
  EXPECT_EQ(harness.status(pipeline).row.cancelled, 0u);
  EXPECT_NE(harness.status(pipeline).notices.at(0).find("skipped"), std::string::npos);
}

TEST_F(Rules, SeeWhatOtherEvaluatorsOfTheSameTaskReported) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline =
      harness.submit(grid("a eval_1\na eval_2\na b c", {"eval_1.x < 1 and y > 1"})).pipeline;
  harness.finish(worker);
  while (worker.specs.back().tool != "eval_1") harness.finish(worker);
  report(worker, R"({"x": 0})");
  EXPECT_EQ(harness.status(pipeline).row.cancelled, 0u);
  while (worker.specs.back().tool != "eval_2") harness.finish(worker);
  report(worker, R"({"y": {"z": 1}, "x": 5})");
  EXPECT_EQ(harness.status(pipeline).row.cancelled, 0u) << "y is no number";
}

TEST_F(Rules, WithMetricsOfTwoEvaluatorsHoldOnceBothReported) {
  FakeWorker& worker = harness.worker("w", 3);
  const auto pipeline =
      harness.submit(grid("a eval_1\na eval_2\na b c", {"eval_1.x < 1 and y > 1"})).pipeline;
  harness.finish(worker);
  report(worker, R"({"x": 0, "y": 0})");
  report(worker, R"({"y": 2, "x": 5})");
  EXPECT_EQ(statuses(pipeline),
            "a completed, eval_1 completed, eval_2 completed, b running, c pruned");
}

TEST_F(Rules, EvaluationsBehindEvaluationsLookAtTheTaskBefore) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(grid("a eval_1 eval_2 b", {"x < 1"})).pipeline;
  harness.finish(worker);
  report(worker, R"({"x": 2})");
  report(worker, R"({"x": 0})");
  EXPECT_EQ(statuses(pipeline), "a completed, eval_1 completed, eval_2 completed, b pruned");
}

TEST_F(Rules, AResultOfTheCacheCountsAsWell) {
  FakeWorker& worker = harness.worker("w");
  auto first = grid("a eval", {});
  auto second = grid("a eval\na b", {"x < 1"});
  second.submission_id = "second";
  for (auto* submission : {&first, &second}) {
    submission->use_cache = true;
    for (auto& each : submission->tools) each.image = "";
  }
  harness.submit(first);
  harness.finish(worker);
  report(worker, R"({"x": 0})");
  const auto pipeline = harness.submit(second).pipeline;
  EXPECT_EQ(statuses(pipeline), "a completed, eval completed, b pruned");
  EXPECT_TRUE(worker.assigned.empty());
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST_F(Rules, WhatIsSavedIsReported) {
  harness.offer.gpus.push_back({0, "gpu", 1 << 30, "", ""});
  FakeWorker& worker = harness.worker("w");
  auto submission = grid("a eval\na a\na b", {"x < 1"});
  submission.options[0].gpus_milli = 500;
  const auto pipeline = harness.submit(submission).pipeline;
  harness.finish(worker);  // five seconds, as the harness says
  while (worker.specs.back().tool != "eval") harness.finish(worker);
  report(worker, R"({"x": 0})");
  const auto sum = harness.status(pipeline).prunings.at(0);
  EXPECT_EQ(sum.tasks, sum.unknown + sum.saved_ms / 5000) << sum.tasks << " " << sum.saved_ms;
  EXPECT_EQ(sum.saved_ms, 5000u);
  EXPECT_EQ(sum.gpu_ms, 2500u);
}

TEST_F(Rules, RetryOfWhatWasPrunedRunsIt) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(grid("a eval\na b c", {"x < 1"})).pipeline;
  harness.finish(worker);
  while (worker.specs.back().tool != "eval") harness.finish(worker);
  report(worker, R"({"x": 0})");
  const std::uint64_t pruned = harness.status(pipeline).row.pruned;
  ASSERT_GT(pruned, 0u);
  EXPECT_EQ(harness.ask_in_vain(protocol::Retry{pipeline, {}}).code, ErrorCode::kConflict);
  protocol::Selection what;
  what.pipeline = pipeline;
  what.pruned = true;
  EXPECT_EQ(harness.ask_for<protocol::Retried>(protocol::RetryPart{what}).tasks, pruned);
  EXPECT_EQ(harness.status(pipeline).row.pruned, 0u);
  while (!worker.assigned.empty()) harness.finish(worker);
  const auto row = harness.status(pipeline).row;
  EXPECT_EQ(row.completed, row.total);
  EXPECT_EQ(harness.ask_in_vain(protocol::CancelPart{what, false}).code, ErrorCode::kInvalid);
}

TEST_F(Rules, EnoughCompleteWorkflowsEndTheRest) {
  FakeWorker& worker = harness.worker("w", 2);
  auto submission = BrokerHarness::chains("a b\na c\na d\na e");
  submission.stop_after = 1;
  const auto pipeline = harness.submit(submission).pipeline;
  harness.finish(worker);
  harness.finish(worker);
  EXPECT_EQ(worker.stopped.size(), 1u) << "one more was running";
  EXPECT_EQ(statuses(pipeline), "a completed, b completed, c running, d pruned, e pruned");
  stop_what_was_asked(worker);
  const auto status = harness.status(pipeline);
  EXPECT_EQ(status.row.state, PipelineState::kCompleted);
  EXPECT_EQ(status.row.pruned, 3u);
  EXPECT_EQ(status.prunings.at(0).rule, "stop_after 1");
  EXPECT_EQ(status.prunings.at(0).tasks, 3u);
  const auto rows =
      harness.ask_for<protocol::WorkflowList>(protocol::ListWorkflows{pipeline, 0, 0}).rows;
  EXPECT_EQ(rows[0].status, static_cast<std::uint8_t>(TaskStatus::kCompleted));
  EXPECT_TRUE(rows[1].pruned);
  // A retry is meant: it is not pruned again.
  protocol::Selection second;
  second.workflows = {{WorkflowId{2}, WorkflowId{2}}};
  EXPECT_EQ(harness.ask_for<protocol::Retried>(protocol::RetryPart{second}).tasks, 1u);
  harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.workflows_completed, 2u);
}

TEST_F(Rules, ARetryAfterTheLastWorkflowIsNotPruned) {
  FakeWorker& worker = harness.worker("w");
  auto submission = BrokerHarness::chains("a\nb");
  submission.stop_after = 1;
  const auto pipeline = harness.submit(submission).pipeline;
  harness.finish(worker, Outcome::kExitCode);
  harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
  EXPECT_EQ(harness.ask_for<protocol::Retried>(protocol::Retry{pipeline, {}}).tasks, 1u);
  harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
  EXPECT_EQ(harness.status(pipeline).row.pruned, 0u);
}

TEST_F(Rules, AnAttemptThatAnotherPipelineWaitsForGoesOn) {
  FakeWorker& worker = harness.worker("w", 2);
  auto first = BrokerHarness::chains("a\nb", "first");
  auto second = BrokerHarness::chains("b c", "second");
  first.stop_after = 1;
  for (auto* submission : {&first, &second}) {
    submission->use_cache = true;
    for (auto& each : submission->tools) each.image = "";
  }
  const auto stopped = harness.submit(first).pipeline;
  const auto other = harness.submit(second).pipeline;
  harness.finish(worker);
  EXPECT_TRUE(worker.stopped.empty());
  EXPECT_EQ(statuses(stopped), "a completed, b pruned");
  EXPECT_EQ(harness.status(stopped).row.state, PipelineState::kCompleted);
  for (int i = 0; i < 2; ++i) harness.finish(worker);
  EXPECT_EQ(harness.status(other).row.state, PipelineState::kCompleted);
}

TEST_F(Rules, ManyTasksTakeSeveralRecordsAndOneDecision) {
  std::string text = "done\n";
  for (std::size_t i = 0; i <= kPrunedPerRecordMax; ++i) text += "a t" + std::to_string(i) + "\n";
  auto submission = BrokerHarness::chains(text);
  submission.stop_after = 1;
  harness.take_snapshots = false;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(submission).pipeline;
  harness.finish(worker);  // a, which all others need
  while (worker.specs.back().tool != "done") harness.finish(worker);
  harness.finish(worker);
  const auto status = harness.status(pipeline);
  EXPECT_EQ(status.prunings.at(0).times, 1u);
  EXPECT_EQ(status.prunings.at(0).tasks, status.row.pruned);
  EXPECT_EQ(status.row.skipped, 0u);
  EXPECT_EQ(status.row.pruned + status.row.completed, status.row.total);
}

TEST_F(Rules, BadOnesAreRefused) {
  auto bad = BrokerHarness::chains("a");
  bad.stop_when = {"x <"};
  EXPECT_EQ(harness.ask_in_vain(BrokerHarness::chunk(bad)).code, ErrorCode::kInvalid);
  bad.stop_when.assign(protocol::kStopRulesMax + 1, "x < 1");
  EXPECT_EQ(harness.ask_in_vain(BrokerHarness::chunk(bad)).code, ErrorCode::kLimit);
  bad.stop_when.pop_back();
  EXPECT_NE(harness.submit(bad).pipeline, PipelineId{});
}

}  // namespace
}  // namespace landseer::broker
