#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/json_rows.h"
#include "submitter/cli/times.h"

namespace landseer::cli {
namespace {

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

bool starts_with(const Json& object, const std::vector<std::string>& wanted) {
  const auto names = keys(object);
  return names.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), names.begin());
}

TEST(JsonRows, Status) {
  protocol::PipelineStatus status;
  status.row.pipeline = PipelineId{3};
  status.row.submitted_at = 1'772'366'400'250;
  status.row.eta_ms = 90'500;
  status.stages.push_back({2, 10, 1, 4, 0});
  const Json json = to_json(status);
  EXPECT_TRUE(starts_with(
      json, {"pipeline_id", "name", "state", "total", "pending", "running", "completed", "failed",
             "skipped", "cancelled", "cached", "submitted_at", "finished_at", "eta_seconds"}));
  EXPECT_EQ(json["pipeline_id"], "pipeline_3");
  EXPECT_EQ(json["state"], "running");
  EXPECT_EQ(json["submitted_at"], "2026-03-01T12:00:00.250Z");
  EXPECT_TRUE(json["finished_at"].is_null());
  EXPECT_EQ(json["eta_seconds"], 90.5);
  EXPECT_EQ(json["stages"][0]["type"], "in_training");
  EXPECT_TRUE(json["notices"].is_array());
}

TEST(JsonRows, UnknownEtaIsNull) {
  EXPECT_TRUE(to_json(protocol::PipelineRow{})["eta_seconds"].is_null());
}

TEST(JsonRows, Submitted) {
  protocol::Submitted submitted;
  submitted.pipeline = PipelineId{1};
  submitted.tasks = 29;
  submitted.evaluations = 22;
  const Json json = to_json(submitted);
  EXPECT_TRUE(starts_with(json, {"pipeline_id", "name", "workflows", "task_instances", "tasks"}));
  EXPECT_TRUE(json.contains("cached"));
  EXPECT_EQ(json["tasks"], 7);
  EXPECT_EQ(json["evaluations"], 22);
}

TEST(JsonRows, Task) {
  protocol::TaskRow row;
  row.task = TaskId{7};
  row.type = 5;
  row.status = 3;
  row.dependencies = {TaskId{1}};
  row.workflows = {WorkflowId{2}};
  row.metrics = R"({"accuracy":0.5})";
  const Json json = to_json(row);
  EXPECT_TRUE(starts_with(json, {"task_id", "key", "tool", "type", "status", "reason", "priority",
                                 "dependency_level", "usage_counter", "dependencies", "workflows",
                                 "attempts", "worker", "started_at", "finished_at", "cached"}));
  EXPECT_EQ(json["task_id"], "task_7");
  EXPECT_EQ(json["type"], "evaluation");
  EXPECT_EQ(json["status"], "completed");
  EXPECT_EQ(json["dependencies"], Json::array({"task_1"}));
  EXPECT_EQ(json["workflows"], Json::array({"workflow_2"}));
  EXPECT_EQ(json["metrics"]["accuracy"], 0.5);
  EXPECT_TRUE(json["worker"].is_null());
}

TEST(JsonRows, TaskDetailKeepsTheRowAndAddsTheHistory) {
  protocol::TaskDetail detail;
  detail.config = R"({"stage":"deployment"})";
  detail.attempts.resize(2);
  detail.attempts[0].outcome = 5;
  const Json json = to_json(detail);
  EXPECT_EQ(json["attempts"], 0);
  EXPECT_EQ(json["config"]["stage"], "deployment");
  EXPECT_EQ(json["history"][0]["outcome"], "oom");
  EXPECT_TRUE(json["history"][1]["outcome"].is_null());
}

TEST(JsonRows, Worker) {
  protocol::WorkerRow row;
  row.worker = WorkerId{1};
  row.cpus_milli = 2500;
  row.gpus = {"0:A100"};
  const Json json = to_json(row);
  EXPECT_TRUE(starts_with(json, {"worker_id", "name", "state", "slots", "gpus", "running",
                                 "completed", "failed", "last_seen_at"}));
  EXPECT_EQ(json["worker_id"], "worker_1");
  EXPECT_EQ(json["slots"]["cpus"], 2.5);
}

TEST(JsonRows, ErrorsHaveAllFourFields) {
  const Json json = error_json("not_found", {ErrorCode::kNotFound, "no task", "", "look"});
  EXPECT_EQ(keys(json["error"]), (std::vector<std::string>{"code", "message", "where", "hint"}));
  EXPECT_TRUE(json["error"]["where"].is_null());
}

TEST(JsonRows, ObjectsOfPeersThatAreNoneAreEmpty) {
  EXPECT_EQ(parse_object("[1]"), Json::object());
  EXPECT_EQ(parse_object(""), Json::object());
}

TEST(Times, SpansAreNeverNegative) {
  EXPECT_EQ(elapsed(0, 0, 5000), "-");
  EXPECT_EQ(elapsed(5000, 4000, 9000), "0ms");
  EXPECT_EQ(elapsed(1000, 0, 66'000), "1m05s");
  EXPECT_EQ(utc_time(0), "");
}

}  // namespace
}  // namespace landseer::cli
