#include "submitter/report/json_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/domain/types.h"
#include "submitter/report/utc_time.h"

namespace landseer::report {
namespace {

Json time_json(std::int64_t unix_ms) { return unix_ms > 0 ? Json(utc_time(unix_ms)) : Json(); }

Json id_or_null(TaskId id) { return number(id) != 0 ? Json(to_string(id)) : Json(); }

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json digest_json(const Digest& digest) { return digest.empty() ? Json() : Json(digest.hex()); }

template <class Id>
Json ids_json(const std::vector<Id>& ids) {
  Json list = Json::array();
  for (const Id id : ids) list.push_back(to_string(id));
  return list;
}

std::string type_text(std::uint8_t type) {
  return std::string(domain::to_string(static_cast<domain::TaskType>(type)));
}

std::string status_text(std::uint8_t status) {
  return std::string(domain::to_string(static_cast<domain::TaskStatus>(status)));
}

Json to_json(const protocol::AttemptRow& row) {
  const auto outcome = static_cast<protocol::Outcome>(row.outcome);
  return {{"attempt", row.attempt},
          {"worker", text_or_null(row.worker)},
          {"outcome", row.outcome == 0 ? Json() : Json(protocol::to_string(outcome))},
          {"exit_code", row.outcome == 0 ? Json() : Json(row.exit_code)},
          {"reason", text_or_null(row.reason)},
          {"assigned_at", time_json(row.assigned_at)},
          {"started_at", time_json(row.started_at)},
          {"finished_at", time_json(row.finished_at)},
          {"cpu_seconds", static_cast<double>(row.cpu_ms) / 1000},
          {"memory_peak_bytes", row.memory_peak_bytes},
          {"gpu_memory_peak_bytes", row.gpu_memory_peak_bytes},
          {"log_tail", row.log_tail},
          {"gpus", row.gpus}};
}

Json to_json(const protocol::PruningRow& row) {
  return {{"rule", row.rule},
          {"times", row.times},
          {"tasks", row.tasks},
          {"saved_seconds", static_cast<double>(row.saved_ms) / 1000},
          {"saved_gpu_seconds", static_cast<double>(row.gpu_ms) / 1000},
          {"tasks_of_unknown_length", row.unknown}};
}

}  // namespace

Json to_json(const protocol::PipelineRow& row) {
  return {{"pipeline_id", to_string(row.pipeline)},
          {"name", row.name},
          {"state", protocol::to_string(row.state)},
          {"total", row.total},
          {"pending", row.pending},
          {"running", row.running},
          {"completed", row.completed},
          {"failed", row.failed},
          {"skipped", row.skipped},
          {"cancelled", row.cancelled},
          {"cached", row.cached},
          {"submitted_at", time_json(row.submitted_at)},
          {"finished_at", time_json(row.finished_at)},
          {"eta_seconds", row.eta_ms < 0 ? Json() : Json(static_cast<double>(row.eta_ms) / 1000)},
          {"policy", row.policy},
          {"priority", row.priority},
          {"owner", text_or_null(row.owner)},
          {"dataset", text_or_null(row.dataset)},
          {"ready", row.ready},
          {"workflows", row.workflows},
          {"workflows_completed", row.workflows_completed},
          {"pruned", row.pruned},
          {"paused_tasks", row.paused_tasks}};
}

Json to_json(const protocol::PipelineStatus& status) {
  Json object = to_json(status.row);
  Json stages = Json::array();
  for (const protocol::StageCounts& stage : status.stages) {
    stages.push_back({{"type", type_text(stage.type)},
                      {"total", stage.total},
                      {"running", stage.running},
                      {"completed", stage.completed},
                      {"failed", stage.failed}});
  }
  object["stages"] = std::move(stages);
  object["notices"] = status.notices;
  Json prunings = Json::array();
  for (const protocol::PruningRow& row : status.prunings) prunings.push_back(to_json(row));
  object["prunings"] = std::move(prunings);
  return object;
}

Json to_json(const protocol::Submitted& submitted) {
  return {{"pipeline_id", to_string(submitted.pipeline)},
          {"name", submitted.name},
          {"workflows", submitted.workflows},
          {"task_instances", submitted.task_instances},
          {"tasks", submitted.tasks - std::min(submitted.tasks, submitted.evaluations)},
          {"evaluations", submitted.evaluations},
          {"cached", submitted.cached},
          {"existing", submitted.existing},
          {"notices", submitted.notices}};
}

Json to_json(const protocol::TaskRow& row) {
  return {{"task_id", to_string(row.task)},
          {"key", row.key.hex()},
          {"tool", row.tool},
          {"type", type_text(row.type)},
          {"status", status_text(row.status)},
          {"reason", text_or_null(row.reason)},
          {"priority", row.priority},
          {"dependency_level", row.dependency_level},
          {"usage_counter", row.usage_counter},
          {"dependencies", ids_json(row.dependencies)},
          {"workflows", ids_json(row.workflows)},
          {"attempts", row.attempts},
          {"worker", text_or_null(row.worker)},
          {"started_at", time_json(row.started_at)},
          {"finished_at", time_json(row.finished_at)},
          {"cached", row.cached},
          {"pipeline_id", to_string(row.pipeline)},
          {"ready", row.ready},
          {"evaluation_skipped", row.evaluation_skipped},
          {"artifact", digest_json(row.artifact)},
          {"artifact_bytes", row.artifact_bytes},
          {"metrics", parse_object(row.metrics)},
          {"cached_from", id_or_null(row.cached_from)},
          {"joined", id_or_null(row.joined)},
          {"pruned", row.pruned},
          {"is_baseline", row.is_baseline},
          {"paused", row.paused}};
}

namespace {

Json conditions_json(const std::vector<protocol::Condition>& conditions) {
  Json all = Json::array();
  for (const protocol::Condition& condition : conditions) {
    all.push_back({{"kind", condition.kind},
                   {"text", condition.text},
                   {"workers", condition.workers},
                   {"worker_count", condition.count},
                   {"lasting", condition.lasting}});
  }
  return all;
}

Json queue_json(const protocol::Explanation& explanation) {
  if (!explanation.queued) return nullptr;
  Json first = Json::array();
  for (const protocol::TaskAhead& task : explanation.first_ahead) {
    first.push_back({{"task_id", to_string(task.task)},
                     {"pipeline_id", to_string(task.pipeline)},
                     {"tool", task.tool}});
  }
  Json pipelines = Json::array();
  for (const protocol::PipelineAhead& pipeline : explanation.pipelines_ahead) {
    pipelines.push_back({{"pipeline_id", to_string(pipeline.pipeline)}, {"tasks", pipeline.tasks}});
  }
  return {{"ahead", explanation.ahead},
          {"at_least", explanation.ahead_is_least},
          {"first", std::move(first)},
          {"pipelines", std::move(pipelines)}};
}

Json change_json(const protocol::Explanation& explanation) {
  if (explanation.change.empty()) return nullptr;
  return {{"kind", explanation.change_kind}, {"text", explanation.change}};
}

Json kept_json(const protocol::Explanation& explanation) {
  if (explanation.kept_at.empty()) return nullptr;
  return {{"worker", explanation.kept_at}, {"since", time_json(explanation.kept_since)}};
}

}  // namespace

Json to_json(const protocol::Explanation& explanation) {
  Json differences = Json::array();
  for (const protocol::Difference& difference : explanation.differences) {
    differences.push_back({{"ingredient", difference.ingredient},
                           {"here", text_or_null(difference.here)},
                           {"there", text_or_null(difference.there)}});
  }
  return {{"task_id", to_string(explanation.row.task)},
          {"summary", explanation.summary},
          {"reasons", explanation.reasons},
          {"compared_with", id_or_null(explanation.compared_with)},
          {"differs_at", id_or_null(explanation.differs_at)},
          {"differences", std::move(differences)},
          {"conditions", conditions_json(explanation.conditions)},
          {"change", change_json(explanation)},
          {"queue", queue_json(explanation)},
          {"kept", kept_json(explanation)},
          {"expected_at", time_json(explanation.expected_at)},
          {"root_task_id", id_or_null(explanation.root)},
          {"waits_for", id_or_null(explanation.waits_for)},
          {"task", to_json(explanation.row)}};
}

Json to_json(const protocol::TaskDetail& detail) {
  Json object = to_json(detail.row);
  object["image"] = detail.image;
  object["command"] = detail.command;
  object["config"] = parse_object(detail.config);
  object["key_ingredients"] = parse_object(detail.key_ingredients);
  Json history = Json::array();
  for (const protocol::AttemptRow& attempt : detail.attempts) history.push_back(to_json(attempt));
  object["history"] = std::move(history);
  return object;
}

Json to_json(const protocol::WorkflowRow& row) {
  return {{"workflow_id", to_string(row.workflow)},
          {"name", row.name},
          {"status", status_text(row.status)},
          {"completed", row.completed},
          {"total", row.tasks.size()},
          {"tasks", ids_json(row.tasks)},
          {"pruned", row.pruned}};
}

namespace {

Json resources_json(const std::vector<protocol::NamedRoom>& named) {
  Json all = Json::object();
  for (const auto& [name, amount, free] : named) all[name] = {{"amount", amount}, {"free", free}};
  return all;
}

}  // namespace

Json to_json(const protocol::WorkerRow& row) {
  return {{"worker_id", to_string(row.worker)},
          {"name", row.name},
          {"state", row.state},
          {"slots",
           {{"cpus", static_cast<double>(row.cpus_milli) / 1000},
            {"cpus_free", static_cast<double>(row.cpus_free_milli) / 1000},
            {"memory_bytes", row.memory_bytes},
            {"memory_free_bytes", row.memory_free_bytes},
            {"gpus", row.gpus.size()},
            {"gpus_free", static_cast<double>(row.gpus_free_milli) / 1000},
            {"scratch_bytes", row.scratch_bytes},
            {"scratch_free_bytes", row.scratch_free_bytes},
            {"tasks_max", row.tasks_max}}},
          {"gpus", row.gpus},
          {"running", row.running},
          {"completed", row.completed},
          {"failed", row.failed},
          {"last_seen_at", time_json(row.last_seen_at)},
          {"labels", row.labels},
          {"runtimes", row.runtimes},
          {"datasets", row.datasets},
          {"version", row.version},
          {"reason", text_or_null(row.reason)},
          {"bytes_fetched", row.bytes_fetched},
          {"drained", row.drained},
          {"resources", resources_json(row.named)},
          {"reserved_for", text_or_null(row.reserved_for)}};
}

template <class Row>
Json to_json_array(const std::vector<Row>& rows) {
  Json list = Json::array();
  for (const Row& row : rows) list.push_back(to_json(row));
  return list;
}

template Json to_json_array(const std::vector<protocol::PipelineRow>&);
template Json to_json_array(const std::vector<protocol::PipelineStatus>&);
template Json to_json_array(const std::vector<protocol::TaskRow>&);
template Json to_json_array(const std::vector<protocol::WorkflowRow>&);
template Json to_json_array(const std::vector<protocol::WorkerRow>&);

Json error_json(std::string_view code, const Error& error) {
  return {{"error",
           {{"code", code},
            {"message", error.message},
            {"where", text_or_null(error.where)},
            {"hint", text_or_null(error.hint)}}}};
}

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json parse_object(const std::string& text) {
  Json object = Json::parse(text, nullptr, false);
  return object.is_object() ? object : Json::object();
}

}  // namespace landseer::report
