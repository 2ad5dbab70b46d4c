#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "dashboard/gateway/views.h"
#include "submitter/report/json_rows.h"
#include "submitter/report/utc_time.h"

namespace landseer::gateway {
namespace {

using domain::TaskStatus;
using domain::TaskType;

constexpr std::size_t kFailuresLookedAt = 500;
constexpr std::size_t kFailuresShown = 100;

Json time_json(std::int64_t unix_ms) {
  return unix_ms > 0 ? Json(report::utc_time(unix_ms)) : Json();
}
Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }
TaskStatus status_of(const protocol::TaskRow& row) { return static_cast<TaskStatus>(row.status); }
std::string_view type_of(const protocol::TaskRow& row) {
  return to_string(static_cast<TaskType>(row.type));
}

struct Failure {
  std::size_t task = 0;
  std::uint64_t blocks = 0;
};

/// Skipped tasks that are reached from it.
std::uint64_t count_blocked(const PipelineModel& model, std::size_t task,
                            std::vector<std::size_t>& seen_in, std::size_t mark) {
  std::uint64_t count = 0;
  std::vector<std::size_t> open{task};
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    for (const std::uint32_t next : model.dependents(at)) {
      if (seen_in[next] == mark) continue;
      seen_in[next] = mark;
      if (status_of(model.tasks()[next]) != TaskStatus::kSkipped) continue;
      ++count;
      open.push_back(next);
    }
  }
  return count;
}

/// Those that block most first.
std::vector<Failure> find_failures(const PipelineModel& model) {
  std::vector<Failure> failures;
  std::vector<std::size_t> seen_in(model.tasks().size());
  for (std::size_t i = 0; i < model.tasks().size(); ++i) {
    if (status_of(model.tasks()[i]) != TaskStatus::kFailed) continue;
    failures.push_back({i, 0});
    if (failures.size() > kFailuresLookedAt) break;
    failures.back().blocks = count_blocked(model, i, seen_in, failures.size());
  }
  std::stable_sort(failures.begin(), failures.end(),
                   [](const Failure& a, const Failure& b) { return a.blocks > b.blocks; });
  return failures;
}

struct WaitReason {
  const char* code;
  const char* message;
};

WaitReason reason_of(const PipelineModel& model, const protocol::TaskRow& row) {
  if (model.row().state == protocol::PipelineState::kPaused) {
    return {"paused", "the pipeline is paused"};
  }
  if (row.paused) return {"paused", "it, its tool or its workflows are paused"};
  if (number(row.joined) != 0) {
    return {"joined", "another pipeline is doing the same work"};
  }
  if (row.ready) return {"resources", "ready: waits for a worker with room"};
  for (const TaskId id : row.dependencies) {
    const protocol::TaskRow* above = model.find(id);
    if (above != nullptr && status_of(*above) != TaskStatus::kCompleted) {
      return {"dependencies", "waits for what it depends on"};
    }
  }
  return {"retry", "waits before it is tried again"};
}

Json stages_json(const PipelineModel& model) {
  std::array<protocol::StageCounts, 6> stages{};
  for (const protocol::TaskRow& row : model.tasks()) {
    protocol::StageCounts& stage = stages.at(row.type);
    ++stage.total;
    const TaskStatus status = status_of(row);
    if (status == TaskStatus::kRunning) ++stage.running;
    if (status == TaskStatus::kCompleted) ++stage.completed;
    if (domain::is_terminal(status) && status != TaskStatus::kCompleted) ++stage.failed;
  }
  Json list = Json::array();
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (stages[i].total == 0) continue;
    list.push_back({{"type", to_string(static_cast<TaskType>(i))},
                    {"total", stages[i].total},
                    {"running", stages[i].running},
                    {"completed", stages[i].completed},
                    {"failed", stages[i].failed}});
  }
  return list;
}

}  // namespace

Json failures_json(const PipelineModel& model, std::size_t most) {
  Json list = Json::array();
  for (const Failure& failure : find_failures(model)) {
    if (list.size() >= most) break;
    const protocol::TaskRow& row = model.tasks()[failure.task];
    list.push_back({{"pipeline_id", to_string(row.pipeline)},
                    {"task_id", to_string(row.task)},
                    {"tool", row.tool},
                    {"type", type_of(row)},
                    {"reason", text_or_null(row.reason)},
                    {"worker", text_or_null(row.worker)},
                    {"finished_at", time_json(row.finished_at)},
                    {"attempts", row.attempts},
                    {"blocks", failure.blocks}});
  }
  return list;
}

Json waiting_json(const PipelineModel& model) {
  struct Group {
    WaitReason reason;
    std::uint64_t tasks = 0;
    TaskId example{};
  };
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const protocol::TaskRow& row : model.tasks()) {
    if (status_of(row) != TaskStatus::kPending) continue;
    const WaitReason reason = reason_of(model, row);
    Group& group = groups[{reason.code, row.tool}];
    if (group.tasks++ == 0) group = {reason, 1, row.task};
  }
  Json list = Json::array();
  for (const auto& [name, group] : groups) {
    list.push_back({{"pipeline_id", to_string(model.row().pipeline)},
                    {"code", group.reason.code},
                    {"tool", name.second},
                    {"tasks", group.tasks},
                    {"example", to_string(group.example)},
                    {"message", group.reason.message}});
  }
  return list;
}

void Savings::add(const PipelineModel& model) {
  for (const protocol::WorkflowRow& row : model.workflows()) task_instances += row.tasks.size();
  tasks += model.tasks().size();
  cached += model.row().cached;
}

Json Savings::json() const {
  return {{"task_instances", task_instances}, {"tasks", tasks}, {"cached", cached}};
}

Json pipeline_view(const PipelineModel& model, const std::vector<std::string>& notices) {
  Json object = report::to_json(model.row());
  Savings savings;
  savings.add(model);
  object["stages"] = stages_json(model);
  object["notices"] = notices;
  object["failures"] = failures_json(model, kFailuresShown);
  object["waiting"] = waiting_json(model);
  object["savings"] = savings.json();
  object["last_change_at"] = time_json(model.changed_at());
  return object;
}

Json critical_path_view(const PipelineModel& model, const CriticalPath& path) {
  Json list = Json::array();
  for (const CriticalPath::Step& step : path.steps) {
    const protocol::TaskRow& row = model.tasks()[step.task];
    list.push_back({{"task_id", to_string(row.task)},
                    {"tool", row.tool},
                    {"type", type_of(row)},
                    {"status", to_string(status_of(row))},
                    {"expected_ms", step.expected_ms},
                    {"remaining_ms", step.remaining_ms}});
  }
  return {{"tasks", std::move(list)},
          {"remaining_ms", path.remaining_ms},
          {"is_measured", path.is_measured}};
}

Json pipelines_view(std::vector<protocol::PipelineRow> rows,
                    std::optional<protocol::PipelineState> state, const Page& page) {
  if (state) std::erase_if(rows, [&](const auto& row) { return row.state != *state; });
  std::reverse(rows.begin(), rows.end());
  Json list = Json::array();
  const std::size_t end = std::min(rows.size(), page.offset + page.limit);
  for (std::size_t i = page.offset; i < end; ++i) list.push_back(report::to_json(rows[i]));
  return {{"pipelines", std::move(list)},
          {"total", rows.size()},
          {"next_offset", end < rows.size() ? Json(end) : Json()}};
}

}  // namespace landseer::gateway
