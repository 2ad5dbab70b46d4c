#include "dashboard/gateway/views.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/dashboard/gateway/chain.h"

namespace landseer::gateway {
namespace {

using domain::TaskStatus;

protocol::TaskAttempt attempt(std::uint64_t task, std::uint64_t worker, std::int64_t from,
                              std::int64_t to, std::vector<std::uint32_t> gpus = {}) {
  protocol::TaskAttempt entry;
  entry.task = TaskId{task};
  entry.attempt.attempt = 1;
  entry.attempt.worker_id = WorkerId{worker};
  entry.attempt.worker = "w" + std::to_string(worker);
  entry.attempt.assigned_at = from;
  entry.attempt.started_at = from;
  entry.attempt.finished_at = to;
  entry.attempt.outcome = to == 0 ? 0 : 1;
  entry.attempt.gpus = std::move(gpus);
  return entry;
}

std::vector<std::size_t> lanes_of(const Json& timeline) {
  std::vector<std::size_t> lanes;
  for (const Json& entry : timeline["attempts"]) lanes.push_back(entry["lane"]);
  return lanes;
}

TEST(Timeline, AttemptsThatOverlapHaveLanesOfTheirOwn) {
  PipelineContent content = chain_content(4);
  content.attempts = {attempt(1, 1, 10, 20), attempt(2, 1, 15, 30), attempt(3, 1, 20, 0),
                      attempt(4, 2, 16, 17)};
  PipelineModel model{protocol::PipelineRow{}};
  model.fill(content);
  const Json timeline = timeline_view(model, 99);
  EXPECT_EQ(lanes_of(timeline), (std::vector<std::size_t>{0, 1, 0, 0}));
  EXPECT_EQ(timeline["lanes"].size(), 3u);
  EXPECT_EQ(timeline["now_ms"], 99);
}

TEST(Gpus, AreBusyWhileAnAttemptHasThem) {
  const auto pipeline = std::make_shared<SharedPipeline>(protocol::PipelineRow{});
  PipelineContent content = chain_content(2);
  content.attempts = {attempt(1, 1, 10, 20, {0}), attempt(2, 1, 15, 0, {1})};
  pipeline->model.fill(content);
  protocol::WorkerRow worker;
  worker.worker = WorkerId{1};
  worker.name = "w1";
  worker.state = "connected";
  worker.gpus = {"0:T4", "1:T4", "2:A100 (fell off (the) bus)"};
  protocol::WorkerRow gone = worker;
  gone.worker = WorkerId{2};
  gone.state = "lost";
  const Json list = gpus_view({worker, gone}, {pipeline})["gpus"];
  ASSERT_EQ(list.size(), 6u);
  EXPECT_EQ(list[0]["state"], "idle");
  EXPECT_EQ(list[1]["state"], "busy");
  EXPECT_EQ(list[1]["tasks"], Json::array({"task_2"}));
  EXPECT_EQ(list[2]["state"], "faulty");
  EXPECT_EQ(list[2]["model"], "A100");
  EXPECT_EQ(list[2]["fault"], "fell off (the) bus");
  EXPECT_EQ(list[3]["state"], "away");
}

TEST(Failures, CountWhatTheyBlock) {
  PipelineModel model = loaded_chain(4);
  model.apply(change_to(1, TaskStatus::kFailed, 1), 1);
  model.apply(change_to(2, TaskStatus::kSkipped, 0), 1);
  model.apply(change_to(3, TaskStatus::kSkipped, 0), 1);
  const Json failures = failures_json(model, 10);
  ASSERT_EQ(failures.size(), 1u) << "the first cause only";
  EXPECT_EQ(failures[0]["task_id"], "task_2");
  EXPECT_EQ(failures[0]["blocks"], 2);
}

TEST(Waiting, IsGroupedByWhatIsWaitedFor) {
  PipelineModel model = loaded_chain(3);
  const Json waiting = waiting_json(model);
  ASSERT_EQ(waiting.size(), 3u);
  EXPECT_EQ(waiting[0]["code"], "dependencies");
  EXPECT_EQ(waiting[2]["code"], "resources");
  EXPECT_EQ(waiting[2]["example"], "task_1");
}

TEST(Tasks, AreFilteredSortedAndPaged) {
  PipelineModel model = loaded_chain(5);
  model.apply(change_to(0, TaskStatus::kCompleted, 1), 1);
  TaskQuery query;
  query.statuses = {TaskStatus::kPending};
  query.sort = "-tool";
  query.page = {1, 2};
  const Json page = tasks_view(model, query);
  EXPECT_EQ(page["total"], 4);
  EXPECT_EQ(page["next_offset"], 3);
  EXPECT_EQ(page["tasks"][0]["tool"], "tool3");
  query = {};
  query.search = "TASK_2";
  EXPECT_EQ(tasks_view(model, query)["total"], 1);
  query = {};
  query.page = {100, 100};
  EXPECT_EQ(tasks_view(model, query)["tasks"], Json::array());
}

TEST(Overview, FreeMachinesBesideReadyTasksAreAnAlarm) {
  OverviewSource source;
  source.broker.connected = true;
  protocol::PipelineRow row;
  row.total = 5;
  row.pending = 5;
  row.ready = 2;
  source.rows = {row};
  protocol::WorkerRow worker;
  worker.state = "connected";
  worker.gpus = {"0:T4"};
  worker.gpus_free_milli = 1000;
  source.workers = {worker};
  const Json overview = overview_view(source);
  ASSERT_EQ(overview["alarms"].size(), 1u);
  EXPECT_EQ(overview["alarms"][0]["code"], "idle_gpus");
  EXPECT_EQ(overview["alarms"][0]["message"], "free GPUs: 1; 2 tasks are ready");
  source.rows[0].state = protocol::PipelineState::kPaused;
  EXPECT_TRUE(overview_view(source)["alarms"].empty()) << "nothing wants them";
}

}  // namespace
}  // namespace landseer::gateway
