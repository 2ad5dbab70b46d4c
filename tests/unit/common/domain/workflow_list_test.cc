#include "common/domain/workflow_list.h"

#include <gtest/gtest.h>

#include "common/domain/factories.h"

namespace landseer::domain {
namespace {

TEST(WorkflowList, GivesBackWhatWasAdded) {
  Task a, b, c;
  const std::vector<TaskPtr> tasks{&a, &b, &c};
  WorkflowList list(tasks);
  EXPECT_TRUE(list.empty());
  list.add(WorkflowId{7}, "first");
  list.add_task(2);
  list.add_task(0);
  list.add(WorkflowId{8}, "");
  list.add(WorkflowId{3}, "third");
  list.add_task(1);
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].name, "first");
  EXPECT_EQ(list[1].name, "");
  EXPECT_EQ(list[2].name, "third");
  std::vector<WorkflowId> ids;
  std::vector<std::vector<TaskPtr>> members;
  for (const Workflow& workflow : list) {
    ids.push_back(workflow.id);
    members.emplace_back(workflow.tasks.begin(), workflow.tasks.end());
  }
  EXPECT_EQ(ids, (std::vector{WorkflowId{7}, WorkflowId{8}, WorkflowId{3}}));
  EXPECT_EQ(members, (std::vector<std::vector<TaskPtr>>{{&c, &a}, {}, {&b}}));
  EXPECT_EQ(list.front().id, WorkflowId{7});
  EXPECT_EQ(list.back().tasks[0], &b);
  EXPECT_EQ(list.front().tasks.indices()[0], 2u);
}

TEST(WorkflowList, KnowsItsIdsWhateverTheirOrder) {
  const std::vector<TaskPtr> none;
  for (const std::uint64_t step : {1u, 2u, 3u}) {
    WorkflowList list(none);
    std::vector<WorkflowId> expected;
    for (std::uint64_t i = 0; i < 100; ++i) {
      expected.push_back(WorkflowId{i % 10 == 0 ? 1000 - i : number(expected.back()) + step});
      list.add(expected.back(), std::to_string(i));
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(list[i].id, expected[i]);
      EXPECT_EQ(list[i].name, std::to_string(i));
    }
  }
}

TEST(WorkflowList, APipelineKeepsItsTasksAndTheirParts) {
  PipelinePtr pipeline;
  {
    IdCounters ids;
    TaskFactory some(ids);
    TaskFactory others(ids);
    const Config config({{"stage", "a text that is longer than a small string"}});
    std::vector<SharedTask> chain;
    for (int i = 0; i < 20; ++i) {
      TaskFactory& factory = i % 3 == 0 ? others : some;
      const std::span before = std::span(chain).last(chain.empty() ? 0 : 1);
      chain.push_back(factory.create_task(TaskType::kPreTraining, {"tool " + std::to_string(i), {}},
                                          config, before));
    }
    const auto workflow = WorkflowFactory(ids).create_workflow("w", chain);
    pipeline = *PipelineFactory(ids).create_pipeline("p", {workflow});
  }
  EXPECT_GT(pipeline->owners.size(), 2u) << "blocks of two factories";
  EXPECT_LT(pipeline->owners.size(), pipeline->tasks.size());
  ASSERT_EQ(pipeline->tasks.size(), 20u);
  for (std::size_t i = 0; i < pipeline->tasks.size(); ++i) {
    const Task& task = *pipeline->tasks[i];
    EXPECT_EQ(task.tool->name, "tool " + std::to_string(i));
    EXPECT_NE(task.config.view().find("longer than a small string"), std::string_view::npos);
    EXPECT_EQ(task.options->retries, 0u);
    EXPECT_EQ(pipeline->workflows[0].tasks[i], &task);
  }
}

}  // namespace
}  // namespace landseer::domain
