#include "dashboard/gateway/model.h"

#include <gtest/gtest.h>

#include "tests/unit/dashboard/gateway/chain.h"

namespace landseer::gateway {
namespace {

using domain::TaskStatus;

TEST(PipelineModel, KeepsWhatNeverChanges) {
  PipelineModel model = loaded_chain(3);
  const auto others = model.apply(change_to(1, TaskStatus::kRunning, 1), 10);
  EXPECT_TRUE(others.empty());
  const protocol::TaskRow& row = *model.find(TaskId{2});
  EXPECT_EQ(row.status, static_cast<std::uint8_t>(TaskStatus::kRunning));
  EXPECT_EQ(row.dependencies, std::vector<TaskId>{TaskId{1}});
  EXPECT_EQ(row.workflows, std::vector<WorkflowId>{WorkflowId{1}});
  EXPECT_EQ(model.changed_at(), 10);
  EXPECT_EQ(model.attempts().size(), 1u);
  EXPECT_EQ(model.levels(), (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST(PipelineModel, WhatBecomesReadyByAnotherTasksEndIsTold) {
  PipelineModel model = loaded_chain(3);
  EXPECT_EQ(model.apply(change_to(0, TaskStatus::kCompleted, 1), 1),
            std::vector<TaskId>{TaskId{2}});
  EXPECT_TRUE(model.find(TaskId{2})->ready);
  EXPECT_FALSE(model.find(TaskId{3})->ready);
  EXPECT_EQ(model.apply(change_to(0, TaskStatus::kPending, 1), 2), std::vector<TaskId>{TaskId{2}})
      << "its artifact is gone";
  EXPECT_FALSE(model.find(TaskId{2})->ready);
}

TEST(PipelineModel, WorkflowsFollowTheirTasks) {
  PipelineModel model = loaded_chain(2);
  EXPECT_EQ(model.workflow_now(0).status, static_cast<std::uint8_t>(TaskStatus::kPending));
  model.apply(change_to(0, TaskStatus::kCompleted, 1), 1);
  EXPECT_EQ(model.workflow_now(0).completed, 1u);
  model.apply(change_to(1, TaskStatus::kSkipped, 0), 2);
  EXPECT_EQ(model.workflow_now(0).status, static_cast<std::uint8_t>(TaskStatus::kFailed));
}

TEST(PipelineModel, ChangesDuringTheListingAreNotLost) {
  PipelineModel model{protocol::PipelineRow{}};
  model.begin_loading();
  model.apply(change_to(0, TaskStatus::kRunning, 1), 1);
  model.fill(chain_content(2));
  EXPECT_EQ(model.find(TaskId{1})->status, static_cast<std::uint8_t>(TaskStatus::kRunning));
  EXPECT_EQ(model.attempts().size(), 1u);
  model.unload();
  EXPECT_FALSE(model.loaded());
  EXPECT_TRUE(model.apply(change_to(0, TaskStatus::kCompleted, 1), 2).empty());
}

TEST(Model, AppliesChangesByPipeline) {
  Model model;
  model.reset({});
  protocol::PipelineRow row;
  row.pipeline = PipelineId{1};
  row.running = 1;
  protocol::ChangeList changes;
  changes.pipelines = {row};
  changes.tasks = {change_to(0, TaskStatus::kRunning, 1)};
  const auto applied = model.apply(changes, 5);
  ASSERT_EQ(applied.size(), 1u);
  EXPECT_EQ(number(applied[0].pipeline), 1u);
  EXPECT_EQ(applied[0].tasks.size(), 1u);
  ASSERT_NE(model.find(PipelineId{1}), nullptr) << "a new one";
  const std::uint64_t version = model.version();
  changes = {};
  changes.forgotten = {PipelineId{1}};
  model.apply(changes, 6);
  EXPECT_EQ(model.find(PipelineId{1}), nullptr);
  EXPECT_GT(model.version(), version);
}

TEST(Model, OnlyWorkersThatChangedAreTold) {
  Model model;
  protocol::WorkerRow one;
  one.worker = WorkerId{1};
  one.last_seen_at = 1;
  protocol::WorkerRow two = one;
  two.worker = WorkerId{2};
  EXPECT_EQ(model.set_workers({one, two}).changed.size(), 2u);
  one.last_seen_at = 2;
  EXPECT_TRUE(model.set_workers({one, two}).empty()) << "being seen is no news";
  one.running = 1;
  const WorkerNews news = model.set_workers({one});
  ASSERT_EQ(news.changed.size(), 1u);
  EXPECT_EQ(number(news.changed[0].worker), 1u);
  EXPECT_EQ(news.gone, std::vector<WorkerId>{WorkerId{2}});
}

TEST(Model, ForgetsTheTasksThatNobodyLookedAtLongest) {
  Model model;
  std::vector<protocol::PipelineRow> rows(3);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].pipeline = PipelineId{i + 1};
  model.reset(rows);
  const std::size_t many = Model::kLoadedTasksMax / 2;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const PipelinePtr pipeline = model.find(PipelineId{i});
    pipeline->model.fill(chain_content(many));
    pipeline->used_at = static_cast<std::int64_t>(10 - i);
  }
  model.make_room();
  EXPECT_TRUE(model.find(PipelineId{1})->model.loaded());
  EXPECT_TRUE(model.find(PipelineId{2})->model.loaded());
  EXPECT_FALSE(model.find(PipelineId{3})->model.loaded());
}

}  // namespace
}  // namespace landseer::gateway
