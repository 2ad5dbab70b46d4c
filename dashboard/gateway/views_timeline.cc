#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "dashboard/gateway/event_data.h"
#include "dashboard/gateway/machines.h"
#include "dashboard/gateway/views.h"

namespace landseer::gateway {
namespace {

/// In order of assignment.
std::vector<const protocol::TaskAttempt*> sorted(const PipelineModel& model) {
  std::vector<const protocol::TaskAttempt*> attempts;
  for (const protocol::TaskAttempt& attempt : model.attempts()) attempts.push_back(&attempt);
  std::sort(attempts.begin(), attempts.end(), [](const auto* a, const auto* b) {
    return std::tuple(a->attempt.assigned_at, number(a->task), a->attempt.attempt) <
           std::tuple(b->attempt.assigned_at, number(b->task), b->attempt.attempt);
  });
  return attempts;
}

/// Until when each lane of a worker is taken.
using Lanes = std::vector<std::int64_t>;

std::size_t take_lane(Lanes& lanes, const protocol::AttemptRow& row) {
  const std::int64_t end =
      row.finished_at > 0 ? row.finished_at : std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if (lanes[i] > row.assigned_at) continue;
    lanes[i] = end;
    return i;
  }
  lanes.push_back(end);
  return lanes.size() - 1;
}

bool is_running(const protocol::AttemptRow& row) { return row.outcome == 0; }

}  // namespace

Json timeline_view(const PipelineModel& model, std::int64_t now_ms) {
  std::map<WorkerId, Lanes> lanes;
  std::map<WorkerId, std::string> names;
  Json list = Json::array();
  for (const protocol::TaskAttempt* entry : sorted(model)) {
    const WorkerId worker = entry->attempt.worker_id;
    names[worker] = entry->attempt.worker;
    list.push_back(
        attempt_json(entry->task, entry->attempt, take_lane(lanes[worker], entry->attempt)));
  }
  Json lane_list = Json::array();
  for (const auto& [worker, taken] : lanes) {
    for (std::size_t i = 0; i < taken.size(); ++i) {
      lane_list.push_back(
          {{"worker_id", to_string(worker)}, {"worker", names[worker]}, {"lane", i}});
    }
  }
  Json hits = Json::array();
  for (const protocol::TaskRow& row : model.tasks()) {
    if (!row.cached) continue;
    // Without an attempt nobody notes when: nearly all were found when the pipeline came.
    const std::int64_t at_ms = row.finished_at != 0 ? row.finished_at : model.row().submitted_at;
    hits.push_back({{"task_id", to_string(row.task)}, {"at_ms", at_ms}});
  }
  const std::size_t cached = hits.size();
  return {{"now_ms", now_ms},
          {"lanes", std::move(lane_list)},
          {"attempts", std::move(list)},
          {"cached", cached},
          {"hits", std::move(hits)}};
}

Json running_view(const std::vector<PipelinePtr>& pipelines, WorkerId worker) {
  Json list = Json::array();
  for (const PipelinePtr& pipeline : pipelines) {
    const std::lock_guard lock(pipeline->mutex);
    for (const protocol::TaskAttempt& entry : pipeline->model.attempts()) {
      if (!is_running(entry.attempt) || entry.attempt.worker_id != worker) continue;
      list.push_back(attempt_json(entry.task, entry.attempt, 0));
    }
  }
  return list;
}

Json gpus_view(const std::vector<protocol::WorkerRow>& workers,
               const std::vector<PipelinePtr>& pipelines) {
  std::map<std::pair<WorkerId, std::uint32_t>, Json> holders;
  for (const PipelinePtr& pipeline : pipelines) {
    const std::lock_guard lock(pipeline->mutex);
    for (const protocol::TaskAttempt& entry : pipeline->model.attempts()) {
      if (!is_running(entry.attempt)) continue;
      for (const std::uint32_t gpu : entry.attempt.gpus) {
        holders.try_emplace({entry.attempt.worker_id, gpu}, Json::array())
            .first->second.push_back(to_string(entry.task));
      }
    }
  }
  Json list = Json::array();
  for (const protocol::WorkerRow& worker : workers) {
    const bool is_here = worker.state != "lost" && worker.state != "left";
    for (const std::string& text : worker.gpus) {
      const GpuText gpu = read_gpu(text);
      const auto held = holders.find({worker.worker, gpu.index});
      const bool is_busy = held != holders.end();
      const char* state = !is_here ? "away" : !gpu.fault.empty() ? "faulty" : "idle";
      if (is_here && is_busy) state = "busy";
      list.push_back({{"worker_id", to_string(worker.worker)},
                      {"worker", worker.name},
                      {"index", gpu.index},
                      {"model", gpu.model},
                      {"state", state},
                      {"fault", gpu.fault.empty() ? Json() : Json(gpu.fault)},
                      {"tasks", is_busy ? held->second : Json::array()}});
    }
  }
  return {{"gpus", std::move(list)}};
}

}  // namespace landseer::gateway
