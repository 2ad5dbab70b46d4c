/// Operations of the scheduler that only a distributed owner needs.
#include <gtest/gtest.h>

#include "tests/support/graph.h"

namespace landseer::domain {
namespace {

using testing::Graph;

void complete(PriorityScheduler& scheduler, const TaskPtr& task) {
  ASSERT_TRUE(scheduler.start(task->id));
  ASSERT_TRUE(scheduler.update_task_status(task->id, TaskStatus::kCompleted));
}

TEST(Requeue, PutsARunningTaskBackInItsPlace) {
  const Graph graph("a\nb");
  const auto scheduler = graph.scheduler();
  const TaskPtr first = scheduler->get_next_task();
  ASSERT_TRUE(scheduler->requeue(first->id));
  EXPECT_EQ(scheduler->get_next_task(), first);
  EXPECT_FALSE(scheduler->requeue(graph["b"]->id)) << "b does not run";
}

TEST(Requeue, AHeldTaskWaitsForItsRelease) {
  const Graph graph("a");
  const auto scheduler = graph.scheduler();
  ASSERT_TRUE(scheduler->start(graph["a"]->id));
  ASSERT_TRUE(scheduler->requeue(graph["a"]->id, /*held=*/true));
  EXPECT_EQ(scheduler->get_next_task(), nullptr);
  EXPECT_FALSE(scheduler->is_complete());
  ASSERT_TRUE(scheduler->release(graph["a"]->id));
  EXPECT_EQ(scheduler->get_next_task(), graph["a"]);
  EXPECT_FALSE(scheduler->release(graph["a"]->id));
}

TEST(Cached, CompletesAReadyTaskWithoutRunningIt) {
  const Graph graph("a b");
  const auto scheduler = graph.scheduler();
  EXPECT_FALSE(scheduler->complete_cached(graph["b"]->id)) << "not ready";
  const auto done = scheduler->complete_cached(graph["a"]->id);
  ASSERT_TRUE(done);
  EXPECT_TRUE(graph["a"]->cached);
  EXPECT_EQ(done->ready, std::vector<TaskPtr>{graph["b"]});
}

TEST(Reopen, WhatWaitsForTheTaskWaitsAgain) {
  const Graph graph("a b c");
  const auto scheduler = graph.scheduler();
  complete(*scheduler, graph["a"]);
  complete(*scheduler, graph["b"]);
  ASSERT_TRUE(scheduler->is_ready(graph["c"]->id));
  ASSERT_TRUE(scheduler->reopen(graph["b"]->id));
  EXPECT_FALSE(scheduler->is_ready(graph["c"]->id));
  EXPECT_EQ(scheduler->get_next_task(), graph["b"]);
  ASSERT_TRUE(scheduler->update_task_status(graph["b"]->id, TaskStatus::kCompleted));
  EXPECT_TRUE(scheduler->is_ready(graph["c"]->id));
}

TEST(Reopen, OfTwoInARowKeepsTheirOrderWhateverIsFirst) {
  for (const bool upper_first : {true, false}) {
    const Graph graph("a b c");
    const auto scheduler = graph.scheduler();
    complete(*scheduler, graph["a"]);
    complete(*scheduler, graph["b"]);
    for (const char* name : upper_first ? std::array{"a", "b"} : std::array{"b", "a"}) {
      ASSERT_TRUE(scheduler->reopen(graph[name]->id));
    }
    EXPECT_EQ(scheduler->get_ready_tasks_by_priority(), std::vector<TaskPtr>{graph["a"]});
    complete(*scheduler, graph["a"]);
    EXPECT_EQ(scheduler->get_ready_tasks_by_priority(), std::vector<TaskPtr>{graph["b"]});
    complete(*scheduler, graph["b"]);
    complete(*scheduler, graph["c"]);
    EXPECT_TRUE(scheduler->is_complete());
  }
}

TEST(Reopen, ARunningDependentThatIsRequeuedWaitsToo) {
  const Graph graph("a b");
  const auto scheduler = graph.scheduler();
  complete(*scheduler, graph["a"]);
  ASSERT_TRUE(scheduler->start(graph["b"]->id));
  ASSERT_TRUE(scheduler->reopen(graph["a"]->id));
  ASSERT_TRUE(scheduler->requeue(graph["b"]->id));
  EXPECT_FALSE(scheduler->is_ready(graph["b"]->id));
  complete(*scheduler, graph["a"]);
  EXPECT_TRUE(scheduler->is_ready(graph["b"]->id));
}

TEST(Requeue, ATaskWhoseDependencyFailedMeanwhileIsSkipped) {
  const Graph graph("a b c");
  const auto scheduler = graph.scheduler();
  complete(*scheduler, graph["a"]);
  ASSERT_TRUE(scheduler->start(graph["b"]->id));
  ASSERT_TRUE(scheduler->reopen(graph["a"]->id));
  ASSERT_TRUE(scheduler->start(graph["a"]->id));
  ASSERT_TRUE(scheduler->update_task_status(graph["a"]->id, TaskStatus::kFailed));
  const auto requeued = scheduler->requeue(graph["b"]->id);
  ASSERT_TRUE(requeued);
  EXPECT_EQ(requeued->skipped.size(), 2u);
  EXPECT_TRUE(scheduler->is_complete());
}

TEST(FailPending, EndsATaskThatIsNotReady) {
  const Graph graph("a b c");
  const auto scheduler = graph.scheduler();
  ASSERT_TRUE(scheduler->fail_pending(graph["b"]->id, "no input"));
  EXPECT_EQ(graph["b"]->status, TaskStatus::kFailed);
  EXPECT_EQ(graph["c"]->status, TaskStatus::kSkipped);
  EXPECT_FALSE(scheduler->fail_pending(graph["b"]->id, "twice"));
}

TEST(Reopen, DoesNotTouchFinishedDependents) {
  const Graph graph("a b\na c");
  const auto scheduler = graph.scheduler();
  complete(*scheduler, graph["a"]);
  complete(*scheduler, graph["b"]);
  ASSERT_TRUE(scheduler->reopen(graph["a"]->id));
  EXPECT_EQ(graph["b"]->status, TaskStatus::kCompleted);
  complete(*scheduler, graph["a"]);
  complete(*scheduler, graph["c"]);
  EXPECT_TRUE(scheduler->is_complete());
  EXPECT_FALSE(scheduler->reopen(TaskId{99}));
}

TEST(Cancel, EndsAPendingTaskAndSkipsItsDependents) {
  const Graph graph("a b\nc");
  const auto scheduler = graph.scheduler();
  const auto cancelled = scheduler->cancel(graph["a"]->id, "by a user");
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->skipped.size(), 1u);
  EXPECT_EQ(graph["b"]->reason, "dependency " + to_string(graph["a"]->id) + " (a) cancelled");
  EXPECT_EQ(scheduler->get_next_task(), graph["c"]);
  EXPECT_FALSE(scheduler->cancel(graph["a"]->id, "twice"));
}

TEST(Cancel, EverythingPendingLeavesTheRunning) {
  const Graph graph("a b\nc d");
  const auto scheduler = graph.scheduler();
  scheduler->get_next_task();
  EXPECT_EQ(scheduler->cancel_pending("stop").size(), 3u);
  EXPECT_FALSE(scheduler->is_complete());
  ASSERT_TRUE(scheduler->cancel(graph["a"]->id, "stop"));
  EXPECT_TRUE(scheduler->is_complete());
}

}  // namespace
}  // namespace landseer::domain
