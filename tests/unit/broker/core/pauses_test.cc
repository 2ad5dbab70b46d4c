/// Pausing and resuming parts of a pipeline. After every step the harness replays everything and
/// loads a snapshot, and compares the states.
#include "broker/core/pauses.h"

#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;
using protocol::Outcome;
using protocol::PartPaused;
using protocol::PausePart;
using protocol::PipelineState;
using protocol::Selection;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

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

Selection task(std::uint64_t id) {
  Selection what;
  what.task = TaskId{id};
  return what;
}

Selection whole(PipelineId pipeline) {
  Selection what;
  what.pipeline = pipeline;
  return what;
}

class PausedParts : public ::testing::Test {
 protected:
  PartPaused pause(const Selection& what) {
    return harness.ask_for<PartPaused>(PausePart{what, true, false});
  }
  PartPaused resume(const Selection& what, bool everything = false) {
    return harness.ask_for<PartPaused>(PausePart{what, false, everything});
  }
  /// By tool: `a running, b paused, c pending`, in the order of the pipeline.
  std::string statuses(PipelineId pipeline) {
    std::string text;
    const auto list =
        harness.ask_for<protocol::TaskList>(protocol::ListTasks{pipeline, 0, "", 0, 0});
    for (const protocol::TaskRow& row : list.rows) {
      const auto status = static_cast<TaskStatus>(row.status);
      text += (text.empty() ? "" : ", ") + row.tool + " " +
              (row.paused ? "paused" : std::string(to_string(status)));
    }
    return text;
  }

  BrokerHarness harness;
};

TEST_F(PausedParts, APausedTaskDoesNotStartAndItsOwnResumeLetsItGo) {
  const auto pipeline = harness.submit(BrokerHarness::chains("a b\nc")).pipeline;
  const PartPaused done = pause(task(1));
  EXPECT_TRUE(done.changed);
  EXPECT_EQ(done.pipeline, pipeline);
  EXPECT_EQ(done.tasks, 1u);
  EXPECT_EQ(done.running, 0u);
  FakeWorker& worker = harness.worker("w", 4);
  EXPECT_EQ(statuses(pipeline), "a paused, b pending, c running");
  harness.finish(worker);
  EXPECT_TRUE(worker.assigned.empty());
  const auto status = harness.status(pipeline);
  EXPECT_EQ(status.row.state, PipelineState::kRunning);
  EXPECT_EQ(status.row.paused_tasks, 1u);
  EXPECT_EQ(status.row.ready, 0u);
  EXPECT_EQ(status.row.eta_ms, -1);
  ASSERT_EQ(status.notices.size(), 1u);
  EXPECT_EQ(status.notices[0],
            "paused in part (task_1): 1 pending tasks do not start before that is resumed; "
            "`landseer resume pipeline_1 --all` resumes everything of it");
  EXPECT_EQ(resume(task(1)).tasks, 1u);
  for (int i = 0; i < 2; ++i) harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST_F(PausedParts, WhatRunsGoesOnAndWaitsOnlyIfItComesBack) {
  FakeWorker& worker = harness.worker("w");
  auto submission = BrokerHarness::chains("a b");
  submission.options[0].retries = 3;
  const auto pipeline = harness.submit(submission).pipeline;
  const PartPaused done = pause(tool(pipeline, "a"));
  EXPECT_EQ(done.running, 1u);
  EXPECT_EQ(done.tasks, 0u);
  EXPECT_TRUE(worker.stopped.empty());
  harness.finish(worker, Outcome::kExitCode);
  harness.advance(10s);
  harness.beat(worker);
  EXPECT_TRUE(worker.assigned.empty()) << "its backoff is over, but it is paused";
  EXPECT_EQ(statuses(pipeline), "a paused, b pending");
  EXPECT_EQ(resume(tool(pipeline, "a")).tasks, 1u);
  ASSERT_EQ(worker.assigned.size(), 1u);
  EXPECT_EQ(worker.assigned[0].attempt, 2u);
}

TEST_F(PausedParts, AToolIsPausedInOnePipelineOnly) {
  const auto first = harness.submit(BrokerHarness::chains("a x\nb x", "first")).pipeline;
  const auto second = harness.submit(BrokerHarness::chains("x", "second")).pipeline;
  EXPECT_EQ(pause(tool(first, "x")).tasks, 2u);
  FakeWorker& worker = harness.worker("w");
  for (int i = 0; i < 3; ++i) harness.finish(worker);
  EXPECT_EQ(statuses(first), "a completed, x paused, b completed, x paused");
  EXPECT_EQ(harness.status(second).row.state, PipelineState::kCompleted);
}

TEST_F(PausedParts, AWorkflowLeavesWhatOthersWant) {
  const auto pipeline = harness.submit(BrokerHarness::chains("a b c\na b d\na e")).pipeline;
  const PartPaused one = pause(workflows(1, 1));
  EXPECT_EQ(one.tasks, 1u);
  EXPECT_EQ(one.shared, 2u);
  EXPECT_EQ(statuses(pipeline), "a pending, b pending, c paused, d pending, e pending");
  EXPECT_EQ(pause(workflows(2, 2)).tasks, 2u) << "nobody is left who wants b";
  EXPECT_EQ(statuses(pipeline), "a pending, b paused, c paused, d paused, e pending");
  EXPECT_EQ(resume(workflows(1, 1)).tasks, 2u);
  EXPECT_EQ(statuses(pipeline), "a pending, b pending, c pending, d paused, e pending");
  // Who wants it no more does not keep it from being paused.
  harness.ask_for<protocol::Cancelled>(protocol::CancelPart{workflows(3, 3), false});
  EXPECT_EQ(statuses(pipeline), "a pending, b pending, c pending, d paused, e cancelled");
  pause(workflows(1, 1));
  EXPECT_EQ(statuses(pipeline), "a paused, b paused, c paused, d paused, e cancelled");
  harness.ask_for<protocol::Retried>(protocol::RetryPart{workflows(3, 3)});
  EXPECT_EQ(statuses(pipeline), "a pending, b paused, c paused, d paused, e pending");
}

TEST_F(PausedParts, EachPauseIsLiftedAsItWasMadeOrAllAtOnce) {
  const auto pipeline = harness.submit(BrokerHarness::chains("a\nb\nc")).pipeline;
  pause(tool(pipeline, "a"));
  pause(task(1));
  pause(workflows(2, 2));
  pause(whole(pipeline));
  const PartPaused task_only = resume(task(1));
  EXPECT_TRUE(task_only.changed);
  EXPECT_EQ(task_only.tasks, 0u);
  EXPECT_EQ(task_only.still_paused, 1u);
  EXPECT_TRUE(task_only.pipeline_paused);
  ASSERT_EQ(task_only.why.size(), 1u);
  EXPECT_EQ(task_only.why[0], "the tool 'a' is paused: `landseer resume pipeline_1 --tool 'a'`");
  const PartPaused as_a_whole = resume(whole(pipeline));
  EXPECT_TRUE(as_a_whole.changed);
  EXPECT_EQ(as_a_whole.still_paused, 2u);
  EXPECT_EQ(statuses(pipeline), "a paused, b paused, c pending");
  const PartPaused all = resume(whole(pipeline), true);
  EXPECT_TRUE(all.changed);
  EXPECT_EQ(all.tasks, 2u);
  EXPECT_EQ(statuses(pipeline), "a pending, b pending, c pending");
  EXPECT_FALSE(resume(whole(pipeline), true).changed);
}

TEST_F(PausedParts, TheSameAgainChangesNothing) {
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  EXPECT_FALSE(resume(tool(pipeline, "a")).changed);
  EXPECT_TRUE(pause(tool(pipeline, "a")).changed);
  const auto before = harness.records.size();
  const PartPaused again = pause(tool(pipeline, "a"));
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.tasks, 1u);
  EXPECT_EQ(harness.records.size(), before);
}

TEST_F(PausedParts, AnotherPipelineThatWantsTheSameWorkRuns) {
  auto first = BrokerHarness::chains("a b", "first");
  auto second = BrokerHarness::chains("a c", "second");
  first.use_cache = second.use_cache = true;
  for (auto* submission : {&first, &second}) {
    for (auto& each : submission->tools) each.image = "";
  }
  const auto paused = harness.submit(first).pipeline;
  const auto other = harness.submit(second).pipeline;
  pause(task(1));
  FakeWorker& worker = harness.worker("w");
  harness.finish(worker, Outcome::kSucceeded, "A");
  EXPECT_EQ(statuses(paused), "a paused, b pending") << "nothing of it moves";
  EXPECT_EQ(statuses(other), "a completed, c running");
  resume(task(1));
  EXPECT_EQ(statuses(paused), "a completed, b pending");
  EXPECT_EQ(harness.status(paused).row.cached, 1u);
}

TEST_F(PausedParts, ATaskThatWaitsForAnothersAttemptGivesUpItsClaim) {
  auto first = BrokerHarness::chains("a b", "first");
  auto second = BrokerHarness::chains("a c", "second");
  first.use_cache = second.use_cache = true;
  for (auto* submission : {&first, &second}) {
    for (auto& each : submission->tools) each.image = "";
  }
  FakeWorker& worker = harness.worker("w");
  const auto running = harness.submit(first).pipeline;
  const auto waiting = harness.submit(second).pipeline;
  ASSERT_EQ(statuses(running), "a running, b pending");
  pause(tool(waiting, "a"));
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{running, {}});
  EXPECT_EQ(worker.stopped.size(), 1u) << "nobody wants it now";
  harness.finish(worker, Outcome::kCancelled);
  EXPECT_TRUE(worker.assigned.empty());
  EXPECT_EQ(statuses(waiting), "a paused, c pending");
  resume(tool(waiting, "a"));
  EXPECT_EQ(worker.assigned.size(), 1u);
}

TEST_F(PausedParts, EndWithThePipeline) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b")).pipeline;
  pause(tool(pipeline, "b"));
  harness.finish(worker, Outcome::kExitCode);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kFailed);
  EXPECT_TRUE(harness.status(pipeline).notices.empty());
  EXPECT_EQ(harness.ask_in_vain(PausePart{tool(pipeline, "b"), false, false}).code,
            ErrorCode::kConflict);
  harness.ask_for<protocol::Retried>(protocol::Retry{pipeline, {}});
  for (int i = 0; i < 2; ++i) harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.state, PipelineState::kCompleted);
}

TEST_F(PausedParts, WhatCannotBePausedIsRefusedAndSaysWhy) {
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b")).pipeline;
  const auto refused = [&](const Selection& what) {
    return harness.ask_in_vain(PausePart{what, true, false});
  };
  EXPECT_EQ(refused(task(9)).code, ErrorCode::kNotFound);
  EXPECT_EQ(refused(tool(pipeline, "nobody")).code, ErrorCode::kNotFound);
  EXPECT_EQ(refused(workflows(1, 2)).code, ErrorCode::kNotFound);
  EXPECT_EQ(refused({}).code, ErrorCode::kInvalid);
  Selection elsewhere = task(1);
  elsewhere.pipeline = PipelineId{7};
  EXPECT_NE(refused(elsewhere).message.find("belongs to pipeline_1"), std::string::npos);
  Selection pruned = whole(pipeline);
  pruned.pruned = true;
  EXPECT_EQ(refused(pruned).code, ErrorCode::kInvalid);
  harness.finish(worker);
  const auto over = refused(task(1));
  EXPECT_EQ(over.code, ErrorCode::kConflict);
  EXPECT_EQ(over.message, "cannot pause task_1: it is completed");
}

TEST_F(PausedParts, APipelineRemembersOnlySoMany) {
  auto submission = BrokerHarness::chains("a\nb");
  // One workflow of many tasks of one tool that differ in nothing but their number.
  submission.tasks.resize(1);
  submission.workflows.resize(1);
  submission.workflows[0].tasks.clear();
  submission.configs.clear();
  for (std::uint32_t i = 0; i <= kPausedTasksMax; ++i) {
    submission.configs.push_back("{\"n\":" + std::to_string(i) + "}");
    if (i > 0) submission.tasks.push_back(submission.tasks[0]);
    submission.tasks.back().config = i;
    submission.workflows[0].tasks.push_back(i);
  }
  BrokerHarness big;
  const auto pipeline = big.submit(submission).pipeline;
  Broker copy(big.broker.state().settings);
  for (const Record& record : big.records) ASSERT_TRUE(copy.replay(record, big.now));
  for (std::uint64_t i = 1; i <= kPausedTasksMax; ++i) {
    ASSERT_TRUE(copy.replay(PartPauseChanged{pipeline, TaskId{i}, {}, {}, true, 1}, big.now));
  }
  copy.end_replay(big.now);
  Outbox out;
  copy.handle(FromClientPeer{PeerId{1}, 1, PausePart{task(kPausedTasksMax + 1), true, false}},
              big.now, out);
  ASSERT_EQ(out.to_clients.size(), 1u);
  const auto& refused = std::get<protocol::ErrorReply>(out.to_clients[0].message);
  EXPECT_EQ(refused.code, ErrorCode::kLimit);
}

TEST_F(PausedParts, AStoredPauseOfNothingIsRefusedAtStart) {
  harness.submit(BrokerHarness::chains("a"));
  Broker copy(harness.broker.state().settings);
  for (const Record& record : harness.records) ASSERT_TRUE(copy.replay(record, harness.now));
  const auto replay = [&](PartPauseChanged record) {
    return bool{copy.replay(std::move(record), harness.now)};
  };
  const PipelineId pipeline{1};
  EXPECT_FALSE(replay({PipelineId{7}, {}, "a", {}, true, 1}));
  EXPECT_FALSE(replay({pipeline, TaskId{9}, {}, {}, true, 1}));
  EXPECT_FALSE(replay({pipeline, {}, {}, {{WorkflowId{1}, WorkflowId{5}}}, true, 1}));
  EXPECT_FALSE(replay({pipeline, {}, {}, {}, true, 1})) << "the whole is another record";
  EXPECT_TRUE(replay({pipeline, TaskId{1}, {}, {}, true, 1}));
}

}  // namespace
}  // namespace landseer::broker
