#include "common/domain/priority_scheduler.h"

#include <gtest/gtest.h>

#include "tests/support/graph.h"

namespace landseer::domain {
namespace {

using testing::Graph;

std::string run_all(const Graph& graph, Scheduler& scheduler) {
  std::string order;
  while (const TaskPtr task = scheduler.get_next_task()) {
    order += graph.name(task) + " ";
    EXPECT_TRUE(scheduler.update_task_status(task->id, TaskStatus::kCompleted));
  }
  return order;
}

TEST(PriorityScheduler, EmptyPipelineIsComplete) {
  const Graph graph("");
  const auto scheduler = graph.scheduler();
  EXPECT_TRUE(scheduler->is_complete());
  EXPECT_EQ(scheduler->get_next_task(), nullptr);
  EXPECT_EQ(scheduler->get_progress(), Progress{});
}

TEST(PriorityScheduler, DependenciesComeFirst) {
  const Graph graph("a b c");
  EXPECT_EQ(run_all(graph, *graph.scheduler()), "a b c ");
}

TEST(PriorityScheduler, NextTaskIsRunningAndTheSameObject) {
  const Graph graph("a b");
  const auto scheduler = graph.scheduler();
  const TaskPtr next = scheduler->get_next_task();
  EXPECT_EQ(next, graph["a"]);
  EXPECT_EQ(next->status, TaskStatus::kRunning);
  EXPECT_EQ(scheduler->get_next_task(), nullptr) << "b waits for a";
}

TEST(PriorityScheduler, MoreUsedTasksOfALevelComeFirst) {
  // a is used by one workflow, b by three.
  const Graph graph("a x\nb y\nb z\nb w");
  const auto scheduler = graph.scheduler();
  EXPECT_EQ(graph.name(scheduler->get_next_task()), "b");
  EXPECT_EQ(graph.name(scheduler->get_next_task()), "a");
}

TEST(PriorityScheduler, TiesRunInInsertionOrder) {
  const Graph graph("d\nb\nc\na");
  EXPECT_EQ(run_all(graph, *graph.scheduler()), "d b c a ");
}

TEST(PriorityScheduler, ComplexExampleOfTheOriginal) {
  // One shared root in four workflows, then levels with falling usage.
  const Graph graph(
      "outlier adversarial pruning\nouvrir<\noutlier adversarial magnet\n"
      "outlier adversarial\noutlier");
  const auto scheduler = graph.scheduler();
  EXPECT_EQ(graph["outlier"]->priority, -4);
  EXPECT_EQ(graph["adversarial"]->priority, 997);
  EXPECT_EQ(graph["pruning"]->priority, 999);
  EXPECT_EQ(graph["magnet"]->priority, 999);
  EXPECT_EQ(graph.name(scheduler->get_next_task()), "outlier");
}

TEST(PriorityScheduler, LevelIsTheNumberOfDirectDependenciesNotTheDepth) {
  const Graph graph("a b c d\ne<\nj<a,b,e");
  const auto scheduler = graph.scheduler();
  EXPECT_EQ(graph["d"]->priority, 999) << "deep, but one dependency";
  EXPECT_EQ(graph["j"]->priority, 2999);
  const auto levels = scheduler->get_priority_levels();
  ASSERT_EQ(levels.size(), 3u) << "levels may be sparse: 0, 1, 3";
  EXPECT_EQ(levels.at(0).size(), 2u);
  EXPECT_EQ(levels.at(1).size(), 3u);
  EXPECT_EQ(levels.at(3).size(), 1u);
}

TEST(PriorityScheduler, LevelsListTheMostUsedFirst) {
  const Graph graph("a\nb x\nb y\nc z\nb z2");
  const auto levels = graph.scheduler()->get_priority_levels();
  EXPECT_EQ(graph.name(levels.at(0)[0]), "b");
  EXPECT_EQ(graph.name(levels.at(0)[1]), "a");
  EXPECT_EQ(graph.name(levels.at(0)[2]), "c");
}

TEST(PriorityScheduler, ReadyListIsInDispatchOrderAndShort) {
  const Graph graph("a x\nb y\nb z");
  const auto scheduler = graph.scheduler();
  auto ready = scheduler->get_ready_tasks_by_priority();
  ASSERT_EQ(ready.size(), 2u);
  EXPECT_EQ(graph.name(ready[0]), "b");
  scheduler->get_next_task();
  ready = scheduler->get_ready_tasks_by_priority();
  ASSERT_EQ(ready.size(), 1u) << "running tasks are not ready";
}

TEST(PriorityScheduler, CompletionUnblocksAllDependents) {
  const Graph graph("a b\na c");
  const auto scheduler = graph.scheduler();
  scheduler->get_next_task();
  const auto done = scheduler->update_task_status(graph["a"]->id, TaskStatus::kCompleted);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->ready.size(), 2u);
  EXPECT_TRUE(done->skipped.empty());
}

TEST(PriorityScheduler, AJoinWaitsForAllItsDependencies) {
  const Graph graph("a\nb\nj<a,b");
  const auto scheduler = graph.scheduler();
  scheduler->get_next_task();
  scheduler->get_next_task();
  ASSERT_TRUE(scheduler->update_task_status(graph["a"]->id, TaskStatus::kCompleted));
  EXPECT_EQ(scheduler->get_next_task(), nullptr);
  ASSERT_TRUE(scheduler->update_task_status(graph["b"]->id, TaskStatus::kCompleted));
  EXPECT_EQ(scheduler->get_next_task(), graph["j"]);
}

TEST(PriorityScheduler, FailureSkipsAllDescendantsAndNothingElse) {
  const Graph graph("a b c d\na e\nf");
  const auto scheduler = graph.scheduler();
  scheduler->get_next_task();
  ASSERT_TRUE(scheduler->update_task_status(graph["a"]->id, TaskStatus::kCompleted));
  while (graph["b"]->status != TaskStatus::kRunning) scheduler->get_next_task();
  const auto failed = scheduler->update_task_status(graph["b"]->id, TaskStatus::kFailed, "exit 3");
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->skipped.size(), 2u);
  EXPECT_EQ(graph["b"]->reason, "exit 3");
  EXPECT_EQ(graph["d"]->status, TaskStatus::kSkipped);
  EXPECT_EQ(graph["d"]->reason, "dependency " + to_string(graph["b"]->id) + " (b) failed");
  EXPECT_NE(graph["e"]->status, TaskStatus::kSkipped);
  EXPECT_FALSE(scheduler->is_complete());
}

TEST(PriorityScheduler, AFailedPipelineStillBecomesComplete) {
  const Graph graph("a b");
  const auto scheduler = graph.scheduler();
  scheduler->get_next_task();
  ASSERT_TRUE(scheduler->update_task_status(graph["a"]->id, TaskStatus::kFailed));
  EXPECT_TRUE(scheduler->is_complete());
  EXPECT_EQ(scheduler->get_progress(), (Progress{2, 0, 0, 0, 1, 1, 0}));
}

TEST(PriorityScheduler, ProgressCountsEveryStatus) {
  const Graph graph("a\nb\nc x");
  const auto scheduler = graph.scheduler();
  EXPECT_EQ(scheduler->get_progress(), (Progress{4, 4, 0, 0, 0, 0, 0}));
  scheduler->get_next_task();
  scheduler->get_next_task();
  EXPECT_EQ(scheduler->get_progress(), (Progress{4, 2, 2, 0, 0, 0, 0}));
  ASSERT_TRUE(scheduler->update_task_status(graph["a"]->id, TaskStatus::kCompleted));
  ASSERT_TRUE(scheduler->cancel(graph["c"]->id, "by a user"));
  EXPECT_EQ(scheduler->get_progress(), (Progress{4, 0, 1, 1, 0, 1, 1}));
}

TEST(PriorityScheduler, UpdatesThatMakeNoSenseAreRefusedAndChangeNothing) {
  const Graph graph("a b");
  const auto scheduler = graph.scheduler();
  EXPECT_EQ(scheduler->update_task_status(TaskId{99}, TaskStatus::kPending).error().code,
            ErrorCode::kNotFound)
      << "an unknown id is noticed first";
  const auto invalid = scheduler->update_task_status(graph["a"]->id, TaskStatus::kRunning);
  EXPECT_EQ(invalid.error().code, ErrorCode::kInvalid);
  EXPECT_NE(invalid.error().message.find("Only COMPLETED or FAILED"), std::string::npos);
  EXPECT_EQ(scheduler->update_task_status(graph["a"]->id, TaskStatus::kCompleted).error().code,
            ErrorCode::kConflict)
      << "a pending task cannot complete";
  scheduler->get_next_task();
  ASSERT_TRUE(scheduler->update_task_status(graph["a"]->id, TaskStatus::kCompleted));
  EXPECT_FALSE(scheduler->update_task_status(graph["a"]->id, TaskStatus::kFailed));
  EXPECT_EQ(scheduler->get_progress(), (Progress{2, 1, 0, 1, 0, 0, 0}));
}

TEST(PriorityScheduler, PriorityInfoHasTheDocumentedFields) {
  const Graph graph("a b\na c");
  const auto scheduler = graph.scheduler();
  const auto info = scheduler->get_task_priority_info(graph["b"]->id);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->task_id, graph["b"]->id);
  EXPECT_EQ(info->priority, 999);
  EXPECT_EQ(info->dependency_level, 1u);
  EXPECT_EQ(info->usage_counter, 1u);
  EXPECT_EQ(info->status, "pending");
  EXPECT_EQ(info->dependencies, std::vector<TaskId>{graph["a"]->id});
  EXPECT_EQ(info->workflows.size(), 1u);
  EXPECT_EQ(scheduler->get_task_priority_info(TaskId{99}).error().code, ErrorCode::kNotFound);
}

TEST(PriorityScheduler, PrioritiesDoNotMoveWhileItRuns) {
  const Graph graph("a b\na c");
  const auto scheduler = graph.scheduler();
  const auto before = graph["c"]->priority;
  scheduler->get_next_task();
  ASSERT_TRUE(scheduler->update_task_status(graph["a"]->id, TaskStatus::kCompleted));
  EXPECT_EQ(graph["c"]->priority, before);
}

TEST(PriorityScheduler, DepthPolicyUsesTheLongestPath) {
  const Graph graph("a b e\na c\ne2<b,c");
  const auto scheduler = graph.scheduler("depth");
  EXPECT_EQ(graph["a"]->priority, 102);
  EXPECT_EQ(graph["b"]->priority, 91);
  EXPECT_EQ(graph["e2"]->priority, 81);
  EXPECT_EQ(run_all(graph, *scheduler), "a b c e e2 ");
}

TEST(PriorityScheduler, ACycleIsAnErrorWhenItIsBuilt) {
  Graph graph("a b c");
  graph["a"]->dependencies.push_back(graph["c"]->id);
  const auto scheduler = PriorityScheduler::create(graph.pipeline);
  ASSERT_FALSE(scheduler);
  EXPECT_NE(scheduler.error().message.find("cycle"), std::string::npos);
}

TEST(PriorityScheduler, ADependencyOutsideThePipelineIsAnError) {
  Graph graph("a b");
  graph["b"]->dependencies.push_back(TaskId{99});
  const auto scheduler = PriorityScheduler::create(graph.pipeline);
  ASSERT_FALSE(scheduler);
  EXPECT_NE(scheduler.error().message.find("no workflow of the pipeline"), std::string::npos);
}

TEST(PriorityScheduler, ADuplicateIdIsAnError) {
  Graph graph("a\nb");
  graph["b"]->id = graph["a"]->id;
  EXPECT_FALSE(PriorityScheduler::create(graph.pipeline));
}

TEST(PriorityScheduler, ASecondSchedulerGoesOnWhereTheFirstStood) {
  const Graph graph("a b\na c\nf g");
  auto first = graph.scheduler();
  first->get_next_task();
  ASSERT_TRUE(first->update_task_status(graph["a"]->id, TaskStatus::kCompleted));
  while (graph["f"]->status != TaskStatus::kRunning) first->get_next_task();
  ASSERT_TRUE(first->update_task_status(graph["f"]->id, TaskStatus::kFailed));
  graph["g"]->status = TaskStatus::kPending;
  const auto second = graph.scheduler();
  EXPECT_EQ(graph["g"]->status, TaskStatus::kSkipped) << "settled when it is built";
  EXPECT_EQ(second->get_progress().completed, 1u);
  EXPECT_EQ(second->get_progress().failed, 1u);
}

TEST(PriorityScheduler, DeepChainsNeedNoStack) {
  IdCounters ids;
  TaskFactory factory(ids);
  std::vector<SharedTask> chain;
  for (int i = 0; i < 100'000; ++i) {
    const std::vector<SharedTask> before(chain.empty() ? chain.end() : chain.end() - 1,
                                         chain.end());
    chain.push_back(
        factory.create_task(TaskType::kPreTraining, {"t", {"i", "", {}}, false}, {}, before));
  }
  const auto workflow = WorkflowFactory(ids).create_workflow("w", chain);
  const auto scheduler =
      PriorityScheduler::create(*PipelineFactory(ids).create_pipeline("deep", {workflow}));
  ASSERT_TRUE(scheduler);
  const TaskPtr first = (*scheduler)->get_next_task();
  const auto failed = (*scheduler)->update_task_status(first->id, TaskStatus::kFailed);
  EXPECT_EQ(failed->skipped.size(), 99'999u);
}

}  // namespace
}  // namespace landseer::domain
