#include "submitter/report/result_rows.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/result_csv.h"

namespace landseer::cli {
namespace {

using report::join_results;
using report::Results;

using domain::TaskStatus;
using domain::TaskType;

protocol::TaskRow task(std::uint64_t id, TaskType type, const std::string& tool) {
  protocol::TaskRow row;
  row.task = TaskId{id};
  row.type = static_cast<std::uint8_t>(type);
  row.tool = tool;
  row.status = static_cast<std::uint8_t>(TaskStatus::kCompleted);
  row.key = sha256(tool + std::to_string(id));
  row.started_at = 1'000'000;
  row.finished_at = 1'001'500;
  return row;
}

protocol::WorkflowRow workflow(std::uint64_t id, TaskStatus status,
                               const std::vector<std::uint64_t>& tasks) {
  protocol::WorkflowRow row;
  row.workflow = WorkflowId{id};
  row.name = "comb_00" + std::to_string(id);
  row.status = static_cast<std::uint8_t>(status);
  for (const std::uint64_t number : tasks) row.tasks.push_back(TaskId{number});
  return row;
}

/// Two combinations; the second has a failed task and no evaluations yet.
struct Sample {
  protocol::PipelineRow pipeline;
  std::vector<protocol::TaskRow> tasks;
  std::vector<protocol::WorkflowRow> workflows;

  Sample() {
    pipeline.pipeline = PipelineId{3};
    pipeline.name = "digits";
    pipeline.dataset = "mnist:poisoned";
    tasks = {task(1, TaskType::kPreTraining, "trim"),
             task(2, TaskType::kPreTraining, "squeeze"),
             task(3, TaskType::kInTraining, "plain, 10 epochs"),
             task(4, TaskType::kEvaluation, "clean"),
             task(5, TaskType::kEvaluation, "attack"),
             task(6, TaskType::kInTraining, "robust")};
    tasks[0].cached = true;
    tasks[2].artifact = sha256("model");
    tasks[3].metrics = R"({"accuracy":0.25,"loss":null,"time":2})";
    tasks[4].metrics = R"({"accuracy":0.125,"budget":"8/255"})";
    tasks[5].status = static_cast<std::uint8_t>(TaskStatus::kFailed);
    workflows = {workflow(1, TaskStatus::kCompleted, {1, 2, 3, 4, 5}),
                 workflow(2, TaskStatus::kFailed, {1, 6})};
  }
  Results join() const { return join_results(pipeline, workflows, tasks); }
};

TEST(ResultRows, WhatIsCompleteStandsBesideWhatIsNot) {
  Sample sample;
  sample.pipeline.state = protocol::PipelineState::kRunning;
  sample.tasks[5].status = static_cast<std::uint8_t>(TaskStatus::kCancelled);
  sample.tasks[5].pruned = true;
  sample.workflows[1].status = static_cast<std::uint8_t>(TaskStatus::kCancelled);
  sample.workflows[1].pruned = true;
  sample.workflows.push_back(workflow(3, TaskStatus::kCancelled, {2}));
  sample.workflows.push_back(workflow(4, TaskStatus::kRunning, {2}));
  const Results results = sample.join();
  std::vector<std::string> statuses;
  for (const auto& row : results.combinations) statuses.push_back(row.status);
  EXPECT_EQ(statuses, (std::vector<std::string>{"success", "pruned", "cancelled", "running"}));
  EXPECT_EQ(summary(results), "1 of 4 workflows are complete, 1 to come, 1 pruned, 1 cancelled");
  EXPECT_NE(combinations_csv(results).find(",pruned\n"), std::string::npos);
  EXPECT_NE(tools_csv(results).find(",pruned,"), std::string::npos);
  EXPECT_EQ(to_json(results)["state"], "running");
}

TEST(ResultRows, CombinationsAsTheFileHasThem) {
  EXPECT_EQ(combinations_csv(Sample().join()),
            "pipeline_id,combination,pre_training,in_training,post_training,deployment,"
            "dataset_name,dataset_type,attack.accuracy,budget,clean.accuracy,loss,time,"
            "total_duration,combination_status\n"
            "pipeline_3,comb_001,trim -> squeeze,\"plain, 10 epochs\",,,mnist,poisoned,0.125,8/255,"
            "0.25,-1,2,6.000,success\n"
            "pipeline_3,comb_002,trim,robust,,,mnist,poisoned,-1,-1,-1,-1,-1,1.500,failure\n");
}

TEST(ResultRows, OneToolRowForEachWorkflowAndTask) {
  const Sample sample;
  const std::string csv = tools_csv(sample.join());
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 7);
  EXPECT_TRUE(
      csv.starts_with("pipeline_id,combination,stage,tool_name,cache_key,duration_sec,"
                      "status,output_path\n"
                      "pipeline_3,comb_001,pre_training,trim," +
                      sample.tasks[0].key.hex() + ",0.000,completed,\n"));
  EXPECT_NE(csv.find("in_training,\"plain, 10 epochs\"," + sample.tasks[2].key.hex() +
                     ",1.500,completed," + sample.tasks[2].artifact.hex() + "\n"),
            std::string::npos);
}

TEST(ResultRows, JsonHasNullForMissingMetrics) {
  const auto json = to_json(Sample().join());
  EXPECT_EQ(json["pipeline_id"], "pipeline_3");
  EXPECT_EQ(json["dataset_type"], "poisoned");
  ASSERT_EQ(json["combinations"].size(), 2u);
  const auto& first = json["combinations"][0];
  EXPECT_EQ(first["metrics"]["clean.accuracy"], 0.25);
  EXPECT_EQ(first["metrics"]["budget"], "8/255");
  EXPECT_TRUE(first["metrics"]["loss"].is_null());
  EXPECT_EQ(first["combination_status"], "success");
  EXPECT_TRUE(json["combinations"][1]["metrics"]["time"].is_null());
  EXPECT_EQ(json["tools"].size(), 7u);
}

TEST(ResultRows, ASkippedEvaluationHasNoValuesButKeepsItsColumns) {
  Sample sample;
  sample.tasks[3].evaluation_skipped = true;
  sample.tasks[3].metrics = R"({"accuracy":-1,"loss":-1,"time":-1})";
  const Results results = sample.join();
  EXPECT_EQ(results.metrics.size(), 5u);
  EXPECT_TRUE(to_json(results)["combinations"][0]["metrics"]["time"].is_null());
  EXPECT_NE(combinations_csv(results).find(",8/255,-1,-1,-1,"), std::string::npos);
}

TEST(ResultRows, AnUnfinishedTaskHasNoDuration) {
  Sample sample;
  sample.tasks[5].finished_at = 0;
  sample.tasks[5].status = static_cast<std::uint8_t>(TaskStatus::kRunning);
  sample.workflows[1].status = static_cast<std::uint8_t>(TaskStatus::kRunning);
  const Results results = sample.join();
  EXPECT_EQ(results.combinations[1].status, "running");
  EXPECT_FALSE(results.tools.back().duration_sec);
}

TEST(ResultRows, NestedMetricsAreJoinedWithDots) {
  Sample sample;
  sample.tasks[3].metrics = R"({"fgsm":{"accuracy":0.5}})";
  EXPECT_EQ(to_json(sample.join())["combinations"][0]["metrics"]["fgsm.accuracy"], 0.5);
}

TEST(ResultRows, BrokenMetricsAndMissingTasksDoNoHarm) {
  Sample sample;
  sample.tasks[3].metrics = "{not json";
  sample.workflows[0].tasks.push_back(TaskId{99});
  EXPECT_EQ(sample.join().combinations.size(), 2u);
}

}  // namespace
}  // namespace landseer::cli
