#include "dashboard/gateway/event_data.h"

#include <nlohmann/json.hpp>

#include "submitter/report/json_rows.h"

namespace landseer::gateway {
namespace {

using report::dump;
using report::Json;

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json task_json(const protocol::TaskChange& change) {
  const protocol::TaskRow& row = change.row;
  const bool has_attempt = change.last.attempt != 0;
  return {{"task_id", to_string(row.task)},
          {"status", to_string(static_cast<domain::TaskStatus>(row.status))},
          {"reason", text_or_null(row.reason)},
          {"ready", row.ready},
          {"attempts", row.attempts},
          {"worker", text_or_null(row.worker)},
          {"cached", row.cached},
          {"evaluation_skipped", row.evaluation_skipped},
          {"started_ms", row.started_at},
          {"finished_ms", row.finished_at},
          {"last_attempt", has_attempt ? attempt_json(row.task, change.last, 0) : Json()}};
}

template <class Ids>
Json ids_json(const Ids& ids) {
  Json list = Json::array();
  for (const auto id : ids) list.push_back(to_string(id));
  return list;
}

}  // namespace

Json attempt_json(TaskId task, const protocol::AttemptRow& row, std::size_t lane) {
  const auto outcome = static_cast<protocol::Outcome>(row.outcome);
  return {{"task_id", to_string(task)},
          {"attempt", row.attempt},
          {"worker_id", to_string(row.worker_id)},
          {"worker", row.worker},
          {"lane", lane},
          {"gpus", row.gpus},
          {"assigned_ms", row.assigned_at},
          {"started_ms", row.started_at},
          {"finished_ms", row.finished_at},
          {"outcome", row.outcome == 0 ? Json() : Json(protocol::to_string(outcome))}};
}

std::string hello_data(const std::string& position, bool resumed, bool connected) {
  return dump(
      Json{{"position", position}, {"resumed", resumed}, {"broker", {{"connected", connected}}}});
}

std::string pipelines_data(std::span<const protocol::PipelineRow> rows,
                           std::span<const PipelineId> forgotten) {
  Json list = Json::array();
  for (const protocol::PipelineRow& row : rows) list.push_back(report::to_json(row));
  return dump(Json{{"pipelines", std::move(list)}, {"forgotten", ids_json(forgotten)}});
}

std::string tasks_data(const AppliedChange& change) {
  Json list = Json::array();
  for (const protocol::TaskChange& task : change.tasks) list.push_back(task_json(task));
  return dump(Json{{"pipeline_id", to_string(change.pipeline)}, {"tasks", std::move(list)}});
}

std::string workers_data(const WorkerNews& news) {
  Json list = Json::array();
  for (const protocol::WorkerRow& row : news.changed) list.push_back(report::to_json(row));
  return dump(Json{{"workers", std::move(list)}, {"gone", ids_json(news.gone)}});
}

std::string broker_data(bool connected) { return dump(Json{{"connected", connected}}); }

std::string reset_data(const std::string& reason, const std::string& position) {
  return dump(Json{{"reason", reason}, {"position", position}});
}

}  // namespace landseer::gateway
