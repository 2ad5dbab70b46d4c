#include <algorithm>
#include <cctype>
#include <functional>
#include <nlohmann/json.hpp>

#include "dashboard/gateway/views.h"
#include "submitter/report/json_rows.h"

namespace landseer::gateway {
namespace {

using domain::TaskStatus;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool fits(const protocol::TaskRow& row, const TaskQuery& query) {
  const auto status = static_cast<TaskStatus>(row.status);
  const auto& wanted = query.statuses;
  if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), status) == wanted.end()) {
    return false;
  }
  if (query.type && row.type != static_cast<std::uint8_t>(*query.type)) return false;
  if (!query.tool.empty() && row.tool != query.tool) return false;
  if (query.workflow && std::find(row.workflows.begin(), row.workflows.end(), *query.workflow) ==
                            row.workflows.end()) {
    return false;
  }
  if (query.search.empty()) return true;
  const std::string text =
      to_string(row.task) + '\n' + row.tool + '\n' + row.worker + '\n' + row.reason;
  return lower(text).find(lower(query.search)) != std::string::npos;
}

std::int64_t duration_of(const protocol::TaskRow& row) {
  return row.started_at > 0 && row.finished_at > 0 ? row.finished_at - row.started_at : -1;
}

using Less = std::function<bool(const protocol::TaskRow&, const protocol::TaskRow&)>;

template <class Value>
Less by(Value value) {
  return [value](const protocol::TaskRow& a, const protocol::TaskRow& b) {
    return value(a) < value(b);
  };
}

/// Null for insertion order.
Less order_of(const std::string& name) {
  using Row = protocol::TaskRow;
  if (name == "priority") return by([](const Row& row) { return row.priority; });
  if (name == "started") return by([](const Row& row) { return row.started_at; });
  if (name == "finished") return by([](const Row& row) { return row.finished_at; });
  if (name == "duration") return by(duration_of);
  if (name == "tool") return by([](const Row& row) -> const std::string& { return row.tool; });
  if (name == "status") return by([](const Row& row) { return row.status; });
  return nullptr;
}

void sort_rows(std::vector<const protocol::TaskRow*>& rows, std::string name) {
  const bool reversed = name.starts_with('-');
  if (reversed) name.erase(0, 1);
  const Less less = order_of(name);
  if (!less) return;
  std::stable_sort(rows.begin(), rows.end(), [&](const auto* a, const auto* b) {
    return reversed ? less(*b, *a) : less(*a, *b);
  });
}

Json next_offset(const Page& page, std::size_t total) {
  const std::size_t next = page.offset + page.limit;
  return next < total ? Json(next) : Json();
}

Json link_json(const protocol::TaskRow& row) {
  return {{"task_id", to_string(row.task)},
          {"tool", row.tool},
          {"type", to_string(static_cast<domain::TaskType>(row.type))},
          {"status", to_string(static_cast<TaskStatus>(row.status))},
          {"artifact", row.artifact.empty() ? Json() : Json(row.artifact.hex())},
          {"artifact_bytes", row.artifact_bytes}};
}

}  // namespace

Json tasks_view(const PipelineModel& model, const TaskQuery& query) {
  std::vector<const protocol::TaskRow*> rows;
  for (const protocol::TaskRow& row : model.tasks()) {
    if (fits(row, query)) rows.push_back(&row);
  }
  sort_rows(rows, query.sort);
  Json list = Json::array();
  const std::size_t end = std::min(rows.size(), query.page.offset + query.page.limit);
  for (std::size_t i = query.page.offset; i < end; ++i) list.push_back(report::to_json(*rows[i]));
  return {{"tasks", std::move(list)},
          {"total", rows.size()},
          {"next_offset", next_offset(query.page, rows.size())}};
}

Json workflows_view(const PipelineModel& model, const Page& page) {
  Json list = Json::array();
  const std::size_t total = model.workflows().size();
  const std::size_t end = std::min(total, page.offset + page.limit);
  for (std::size_t i = page.offset; i < end; ++i) {
    list.push_back(report::to_json(model.workflow_now(i)));
  }
  return {
      {"workflows", std::move(list)}, {"total", total}, {"next_offset", next_offset(page, total)}};
}

Json task_view(const PipelineModel& model, const protocol::TaskDetail& detail) {
  Json whole = report::to_json(detail);
  Json inputs = Json::array();
  for (const TaskId id : detail.row.dependencies) {
    if (const protocol::TaskRow* row = model.find(id)) inputs.push_back(link_json(*row));
  }
  Json outputs = Json::array();
  if (model.find(detail.row.task) != nullptr) {
    for (const std::uint32_t i : model.dependents(model.index_of(detail.row.task))) {
      outputs.push_back(link_json(model.tasks()[i]));
    }
  }
  return {{"task", report::to_json(detail.row)},
          {"image", std::move(whole["image"])},
          {"command", std::move(whole["command"])},
          {"config", std::move(whole["config"])},
          {"key_ingredients", std::move(whole["key_ingredients"])},
          {"history", std::move(whole["history"])},
          {"inputs", std::move(inputs)},
          {"outputs", std::move(outputs)}};
}

}  // namespace landseer::gateway
