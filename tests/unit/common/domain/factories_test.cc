#include "common/domain/factories.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace landseer::domain {
namespace {

const ToolDefinition kNoop{"noop", {"registry/noop:v1", "python main.py", {}}, true};
const ToolDefinition kOther{"other", {"registry/other:v1", "", {}}, false};

class Factories : public testing::Test {
 protected:
  IdCounters ids;
  TaskFactory tasks{ids};
  WorkflowFactory workflows{ids};
  PipelineFactory pipelines{ids};

  SharedTask task(const ToolDefinition& tool, std::vector<SharedTask> dependencies = {}) {
    return tasks.get_or_create_task(TaskType::kPreTraining, tool, {}, dependencies);
  }
};

TEST_F(Factories, GetOrCreateGivesTheSameTaskForTheSameWork) {
  EXPECT_EQ(task(kNoop), task(kNoop));
  EXPECT_NE(task(kNoop), task(kOther));
  EXPECT_NE(task(kOther, {task(kNoop)}), task(kOther));
}

TEST_F(Factories, TheFirstTypeWins) {
  const SharedTask first = task(kNoop);
  EXPECT_EQ(tasks.get_or_create_task(TaskType::kDeployment, kNoop), first);
  EXPECT_EQ(first->type, TaskType::kPreTraining);
}

TEST_F(Factories, CreateAlwaysMakesANewTask) {
  const SharedTask first = task(kNoop);
  const SharedTask second = tasks.create_task(TaskType::kPreTraining, kNoop);
  EXPECT_NE(first, second);
  EXPECT_EQ(*first, *second) << "tasks compare by key";
  EXPECT_NE(first->id, second->id);
  EXPECT_EQ(task(kNoop), first) << "the registry keeps the first";
}

TEST_F(Factories, EqualTasksHashAlike) {
  std::unordered_set<Task> set;
  set.insert(*task(kNoop));
  set.insert(*tasks.create_task(TaskType::kPreTraining, kNoop));
  EXPECT_EQ(set.size(), 1u);
}

TEST_F(Factories, ClearingTheRegistryDoesNotResetIds) {
  const SharedTask before = task(kNoop);
  tasks.clear_task_registry();
  const SharedTask after = task(kNoop);
  EXPECT_NE(before, after);
  EXPECT_EQ(number(after->id), number(before->id) + 1);
}

TEST_F(Factories, UsageCountsDistinctWorkflowsOnly) {
  const SharedTask shared = task(kNoop);
  EXPECT_EQ(shared->usage_counter(), 0u) << "looking a task up is not using it";
  workflows.create_workflow("a", {shared, shared});
  EXPECT_EQ(shared->usage_counter(), 1u);
  workflows.create_workflow("b", {shared, task(kOther)});
  EXPECT_EQ(shared->usage_counter(), 2u);
}

TEST_F(Factories, ARepeatedDependencyCountsOnce) {
  const SharedTask root = task(kNoop);
  EXPECT_EQ(task(kOther, {root, root})->dependency_level(), 1u);
  EXPECT_EQ(task(kOther, {root, root}), task(kOther, {root}));
}

TEST_F(Factories, IdsStartAtOne) {
  EXPECT_EQ(to_string(task(kNoop)->id), "task_1");
  EXPECT_EQ(to_string(workflows.create_workflow("w", {})->id), "workflow_1");
  EXPECT_EQ(to_string((*pipelines.create_pipeline("p", {}))->id), "pipeline_1");
}

TEST_F(Factories, PipelineTasksAreInInsertionOrder) {
  const SharedTask a = task(kNoop);
  const SharedTask b = task(kOther, {a});
  const auto first = workflows.create_workflow("1", {b, a});
  const auto second = workflows.create_workflow("2", {a, b});
  const auto pipeline = pipelines.create_pipeline("p", {first, second});
  ASSERT_TRUE(pipeline);
  EXPECT_EQ((*pipeline)->tasks, (std::vector<TaskPtr>{b.get(), a.get()}));
  EXPECT_EQ(a->pipeline, (*pipeline)->id);
}

TEST_F(Factories, ATaskBelongsToOnePipeline) {
  const auto workflow = workflows.create_workflow("w", {task(kNoop)});
  ASSERT_TRUE(pipelines.create_pipeline("p", {workflow}));
  const auto again = pipelines.create_pipeline("q", {workflow});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_NE(again.error().message.find("already belongs to pipeline"), std::string::npos);
}

TEST_F(Factories, ToolsWithEqualNamesButOtherImagesAreOtherTasks) {
  ToolDefinition twin = kNoop;
  twin.container.image = "registry/noop:v2";
  EXPECT_NE(task(kNoop), task(twin));
}

/// Two pipelines of one shape: one made with the counters as they are, one with its own and moved.
TEST_F(Factories, RenumberingIsAsIfItHadBeenMadeLater) {
  const auto make = [](IdCounters& counters) {
    TaskFactory some(counters);
    WorkflowFactory chains(counters);
    const auto a = some.create_task(TaskType::kPreTraining, kNoop);
    const auto b = some.create_task(TaskType::kInTraining, kOther, {}, std::vector{a, a});
    const auto c = some.create_task(TaskType::kInTraining, kNoop, {}, std::vector{a, b});
    std::vector<WorkflowPtr> all{chains.create_workflow("1", {a, b, c}),
                                 chains.create_workflow("2", {b}),
                                 chains.create_workflow("3", {a, c})};
    return *PipelineFactory(counters).create_pipeline("p", std::move(all));
  };
  IdCounters later{100, 50, 7};
  const auto wanted = make(later);
  IdCounters own;
  const auto moved = make(own);
  IdCounters next{100, 50, 7};
  EXPECT_EQ(renumber(*moved, own, next), 99u);
  EXPECT_EQ(moved->id, wanted->id);
  for (std::size_t i = 0; i < wanted->tasks.size(); ++i) {
    const Task& one = *wanted->tasks[i];
    const Task& other = *moved->tasks[i];
    EXPECT_EQ(other.id, one.id);
    EXPECT_EQ(other.pipeline, one.pipeline);
    EXPECT_EQ(std::vector<TaskId>(other.dependencies), std::vector<TaskId>(one.dependencies));
    EXPECT_EQ(std::vector<WorkflowId>(other.workflows), std::vector<WorkflowId>(one.workflows));
    EXPECT_EQ(moved->workflows[i].id, wanted->workflows[i].id);
  }
  EXPECT_EQ(next.task, later.task);
  EXPECT_EQ(next.workflow, later.workflow);
  EXPECT_EQ(next.pipeline, later.pipeline);
}

}  // namespace
}  // namespace landseer::domain
