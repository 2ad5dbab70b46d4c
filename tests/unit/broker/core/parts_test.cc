/// Cancelling and retrying parts of a pipeline, and `landseer priority`. After every step the
/// harness replays everything and loads a snapshot, and compares the states.
#include "broker/core/parts.h"

#include <gtest/gtest.h>

#include "common/protocol/limits.h"
#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;
using protocol::Cancelled;
using protocol::CancelPart;
using protocol::Outcome;
using protocol::PipelineState;
using protocol::RetryPart;
using protocol::Selection;
using testing::BrokerHarness;
using testing::FakeWorker;

Selection workflows(std::uint64_t first, std::uint64_t last) {
  Selection what;
  what.workflows = {{WorkflowId{first}, WorkflowId{last}}};
  return what;
}

Selection tool(PipelineId pipeline, const std::string& name) {
  Selection what;
  what.pipeline = pipeline;
  what.tool = name;
  return what;
}

class Parts : public ::testing::Test {
 protected:
  std::vector<protocol::TaskRow> tasks(PipelineId pipeline) {
    return harness.ask_for<protocol::TaskList>(protocol::ListTasks{pipeline, 0, "", 0, 0}).rows;
  }

  /// By tool: `a completed, b cancelled`, in the order of the pipeline.
  std::string statuses(PipelineId pipeline) {
    std::string text;
    for (const protocol::TaskRow& row : tasks(pipeline)) {
      text += (text.empty() ? "" : ", ") + row.tool + " " +
              std::string(to_string(static_cast<TaskStatus>(row.status)));
    }
    return text;
  }

  /// Without changing anything.
  Cancelled plan(const Selection& what) {
    const auto before = harness.records.size();
    const auto planned = harness.ask_for<Cancelled>(CancelPart{what, true});
    EXPECT_EQ(harness.records.size(), before);
    return planned;
  }

  Cancelled cancel(const Selection& what) {
    const Cancelled planned = plan(what);
    const auto done = harness.ask_for<Cancelled>(CancelPart{what, false});
    EXPECT_EQ(planned, done) << "what was told before is what happened";
    return done;
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

  BrokerHarness harness;
};

TEST_F(Parts, AWorkflowEndsAndWhatOthersNeedGoesOn) {
  const auto pipeline = harness.submit(BrokerHarness::chains("a b c\na b d\na e")).pipeline;
  const Cancelled done = cancel(workflows(1, 1));
  EXPECT_EQ(done.tasks, 1u);
  EXPECT_EQ(done.running, 0u);
  EXPECT_EQ(done.shared, 2u);
  EXPECT_EQ(done.workflows, 1u);
  EXPECT_EQ(done.pipeline, pipeline);
  EXPECT_EQ(statuses(pipeline), "a pending, b pending, c cancelled, d pending, e pending");
  EXPECT_EQ(tasks(pipeline)[2].reason, "cancelled by a user, with workflow_1");
  // Nobody is left who needs b.
  EXPECT_EQ(cancel(workflows(2, 2)).tasks, 2u);
  EXPECT_EQ(statuses(pipeline), "a pending, b cancelled, c cancelled, d cancelled, e pending");
  FakeWorker& worker = harness.worker("w");
  for (int i = 0; i < 2; ++i) harness.finish(worker);
  const auto row = harness.status(pipeline).row;
  EXPECT_EQ(row.state, PipelineState::kFailed);
  EXPECT_EQ(row.workflows_completed, 1u);
}

TEST_F(Parts, SeveralWorkflowsAtOnceKeepNothingForEachOther) {
  const auto pipeline = harness.submit(BrokerHarness::chains("a b c\na b d\na e")).pipeline;
  const Cancelled done = cancel(workflows(1, 2));
  EXPECT_EQ(done.tasks, 3u);
  EXPECT_EQ(done.shared, 1u);
  EXPECT_EQ(statuses(pipeline), "a pending, b cancelled, c cancelled, d cancelled, e pending");
}

TEST_F(Parts, AWorkflowInsideAnotherIsRememberedAsCancelled) {
  const auto pipeline = harness.submit(BrokerHarness::chains("a b\na b c")).pipeline;
  const Cancelled done = cancel(workflows(1, 1));
  EXPECT_EQ(done.tasks, 0u);
  EXPECT_EQ(done.shared, 2u);
  const auto rows =
      harness.ask_for<protocol::WorkflowList>(protocol::ListWorkflows{pipeline, 0, 0}).rows;
  EXPECT_EQ(rows[0].status, static_cast<std::uint8_t>(TaskStatus::kCancelled));
  EXPECT_FALSE(rows[0].pruned);
  EXPECT_EQ(rows[1].status, static_cast<std::uint8_t>(TaskStatus::kPending));
  EXPECT_EQ(harness.ask_in_vain(CancelPart{workflows(1, 1), false}).code, ErrorCode::kConflict);
  // So the other one takes all of it along.
  EXPECT_EQ(cancel(workflows(2, 2)).tasks, 3u);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
}

TEST_F(Parts, ARunningTaskOfAWorkflowIsStoppedUnlessOthersNeedIt) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b\na c")).pipeline;
  EXPECT_EQ(cancel(workflows(1, 1)).running, 0u);
  EXPECT_TRUE(worker.stopped.empty()) << "a goes on for the other one";
  const Cancelled done = cancel(workflows(2, 2));
  EXPECT_EQ(done.running, 1u);
  EXPECT_EQ(done.tasks, 1u);
  ASSERT_EQ(worker.stopped.size(), 1u);
  stop_what_was_asked(worker);
  EXPECT_EQ(statuses(pipeline), "a cancelled, b cancelled, c cancelled");
  EXPECT_EQ(tasks(pipeline)[0].reason, "cancelled by a user, with workflow_2");
}

TEST_F(Parts, AnAttemptThatAnotherPipelineWaitsForGoesOn) {
  FakeWorker& worker = harness.worker("w");
  auto first = BrokerHarness::chains("a b", "first");
  auto second = BrokerHarness::chains("a c", "second");
  first.use_cache = second.use_cache = true;
  for (auto* submission : {&first, &second}) {
    for (auto& each : submission->tools) each.image = "";
  }
  harness.submit(first);
  const auto other = harness.submit(second).pipeline;
  const Cancelled done = cancel(workflows(1, 1));
  EXPECT_EQ(done.running, 0u);
  EXPECT_EQ(done.tasks, 2u);
  EXPECT_TRUE(worker.stopped.empty());
  EXPECT_EQ(tasks(PipelineId{1})[0].reason, "cancelled by a user, with workflow_1");
  for (int i = 0; i < 2; ++i) harness.finish(worker);
  EXPECT_EQ(harness.status(other).row.state, PipelineState::kCompleted);
}

TEST_F(Parts, AToolEndsWithWhatDependsOnIt) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("x b\nx e\na x c\na d")).pipeline;
  const Cancelled done = cancel(tool(pipeline, "x"));
  EXPECT_EQ(done.tasks, 1u);
  EXPECT_EQ(done.running, 1u);
  EXPECT_EQ(done.skipped, 3u);
  EXPECT_EQ(done.workflows, 3u);
  stop_what_was_asked(worker);
  EXPECT_EQ(statuses(pipeline),
            "x cancelled, b skipped, e skipped, a running, x cancelled, c skipped, d pending");
  EXPECT_EQ(tasks(pipeline)[0].reason, "cancelled by a user, with the tool 'x'");
  EXPECT_EQ(harness.ask_in_vain(CancelPart{tool(pipeline, "x"), false}).code, ErrorCode::kConflict);
  for (int i = 0; i < 2; ++i) harness.finish(worker);
  // The same undoes it, also when all is over.
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
  EXPECT_EQ(harness.ask_for<protocol::Retried>(RetryPart{tool(pipeline, "x")}).tasks, 5u);
  for (int i = 0; i < 5; ++i) harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST_F(Parts, RetryOfAWorkflowUndoesItsCancellation) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b c\na d")).pipeline;
  cancel(workflows(1, 2));
  EXPECT_EQ(harness.ask_in_vain(RetryPart{workflows(1, 1)}).code, ErrorCode::kConflict)
      << "a is still being stopped";
  stop_what_was_asked(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
  EXPECT_EQ(harness.ask_for<protocol::Retried>(RetryPart{workflows(1, 1)}).tasks, 3u);
  EXPECT_EQ(statuses(pipeline), "a running, b pending, c pending, d cancelled");
  for (int i = 0; i < 3; ++i) harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.workflows_completed, 1u);
  EXPECT_EQ(harness.ask_for<protocol::Retried>(RetryPart{workflows(2, 2)}).tasks, 1u);
  harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
  EXPECT_EQ(harness.ask_in_vain(RetryPart{workflows(1, 2)}).code, ErrorCode::kConflict);
}

TEST_F(Parts, RetryOfAWorkflowThatOthersKeptAliveWantsItAgain) {
  const auto pipeline = harness.submit(BrokerHarness::chains("a b\na b c")).pipeline;
  cancel(workflows(1, 1));
  EXPECT_EQ(harness.ask_for<protocol::Retried>(RetryPart{workflows(1, 1)}).tasks, 0u);
  EXPECT_EQ(cancel(workflows(2, 2)).tasks, 1u) << "a and b belong to the first one";
  EXPECT_EQ(statuses(pipeline), "a pending, b pending, c cancelled");
}

TEST_F(Parts, WhatDoesNotExistIsNamed) {
  const auto first = harness.submit(BrokerHarness::chains("train\nother", "one")).pipeline;
  harness.submit(BrokerHarness::chains("b", "two"));
  EXPECT_EQ(harness.ask_in_vain(CancelPart{workflows(9, 9), false}).code, ErrorCode::kNotFound);
  const auto across = harness.ask_in_vain(CancelPart{workflows(1, 3), false});
  EXPECT_EQ(across.code, ErrorCode::kInvalid);
  EXPECT_NE(across.message.find("workflow_3 belongs to pipeline_2"), std::string::npos);
  EXPECT_NE(harness.ask_in_vain(CancelPart{workflows(2, 1), false}).message.find("backwards"),
            std::string::npos);
  const auto unknown = harness.ask_in_vain(CancelPart{tool(first, "trian"), false});
  EXPECT_EQ(unknown.code, ErrorCode::kNotFound);
  EXPECT_NE(unknown.hint.find("'train'"), std::string::npos);
  EXPECT_EQ(harness.ask_in_vain(CancelPart{tool(PipelineId{9}, "a"), false}).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(CancelPart{Selection{}, false}).code, ErrorCode::kInvalid);
  Selection two = tool(first, "train");
  two.task = TaskId{1};
  EXPECT_EQ(harness.ask_in_vain(CancelPart{two, false}).code, ErrorCode::kInvalid);
  Selection many = workflows(1, 1);
  many.workflows.resize(protocol::kWorkflowRangesMax + 1, many.workflows[0]);
  EXPECT_EQ(harness.ask_in_vain(CancelPart{many, false}).code, ErrorCode::kLimit);
  many.workflows.pop_back();
  EXPECT_EQ(plan(many).workflows, 1u);
}

TEST_F(Parts, TasksAndPipelinesAreForetoldToo) {
  harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b c\na d")).pipeline;
  Selection whole;
  whole.pipeline = pipeline;
  const Cancelled all = plan(whole);
  EXPECT_EQ(all.tasks, 3u);
  EXPECT_EQ(all.running, 1u);
  EXPECT_EQ(all.workflows, 2u);
  Selection one;
  one.task = tasks(pipeline)[1].task;
  EXPECT_EQ(plan(one).skipped, 1u);
  EXPECT_EQ(harness.ask_for<Cancelled>(CancelPart{one, false}).tasks, 2u);
  EXPECT_EQ(harness.ask_in_vain(CancelPart{one, true}).code, ErrorCode::kConflict);
}

TEST_F(Parts, PriorityCountsAtOnceAndIsKept) {
  const auto low = harness.submit(BrokerHarness::chains("a\nb", "low")).pipeline;
  const auto high = harness.submit(BrokerHarness::chains("c\nd", "high")).pipeline;
  FakeWorker& worker = harness.worker("w");
  EXPECT_EQ(harness.ask_for<protocol::PrioritySet>(protocol::SetPriority{high, 5}).before, 0);
  harness.finish(worker);
  EXPECT_EQ(worker.specs.back().tool, "c");
  EXPECT_EQ(harness.ask_for<protocol::PrioritySet>(protocol::SetPriority{high, -5}).before, 5);
  harness.finish(worker);
  EXPECT_EQ(worker.specs.back().tool, "b");
  EXPECT_EQ(harness.status(high).row.priority, -5);
  const auto before = harness.records.size();
  EXPECT_EQ(harness.ask_for<protocol::PrioritySet>(protocol::SetPriority{high, -5}).before, -5);
  EXPECT_EQ(harness.records.size(), before) << "nothing changed";
  harness.finish(worker);
  EXPECT_EQ(harness.ask_in_vain(protocol::SetPriority{low, 1}).code, ErrorCode::kConflict);
  EXPECT_EQ(harness.ask_in_vain(protocol::SetPriority{PipelineId{9}, 1}).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::SetPriority{high, protocol::kPriorityMax + 1}).code,
            ErrorCode::kInvalid);
}

}  // namespace
}  // namespace landseer::broker
