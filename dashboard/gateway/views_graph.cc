#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "dashboard/gateway/views.h"

namespace landseer::gateway {
namespace {

using domain::TaskStatus;
using domain::TaskType;

constexpr std::size_t kStatuses = 6;
constexpr std::size_t kTypes = 5;

struct Group {
  std::uint8_t type = 0;
  std::string tool;
  std::uint32_t level = 0;
  bool is_baseline = false;
  std::uint64_t ready = 0;
  std::uint64_t cached = 0;
  std::array<std::uint64_t, kStatuses + 1> by_status{};
  std::uint64_t total = 0;
};

Json to_json(const Group& group, std::size_t id) {
  Json object{{"id", id},
              {"type", to_string(static_cast<TaskType>(group.type))},
              {"tool", group.tool},
              {"level", group.level},
              {"is_baseline", group.is_baseline},
              {"ready", group.ready},
              {"total", group.total}};
  for (std::size_t i = 1; i <= kStatuses; ++i) {
    object[std::string(to_string(static_cast<TaskStatus>(i)))] = group.by_status[i];
  }
  object["cached"] = group.cached;
  return object;
}

void add(Group& group, const protocol::TaskRow& row, std::uint32_t level) {
  group.level = group.total == 0 ? level : std::min(group.level, level);
  group.is_baseline = row.is_baseline;
  ++group.total;
  ++group.by_status.at(std::min<std::size_t>(row.status, kStatuses));
  if (row.ready) ++group.ready;
  if (row.cached) ++group.cached;
}

/// Group of each task, by index; groups in order of stage, then of first appearance.
std::vector<std::size_t> group_tasks(const PipelineModel& model, std::vector<Group>& groups) {
  std::map<std::pair<std::uint8_t, std::string>, std::size_t> known;
  for (const protocol::TaskRow& row : model.tasks()) {
    if (known.try_emplace({row.type, row.tool}, groups.size()).second) {
      groups.push_back({row.type, row.tool, 0, false, 0, 0, {}, 0});
    }
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Group& a, const Group& b) { return a.type < b.type; });
  for (std::size_t i = 0; i < groups.size(); ++i) known[{groups[i].type, groups[i].tool}] = i;
  std::vector<std::size_t> of_task;
  for (const protocol::TaskRow& row : model.tasks()) of_task.push_back(known[{row.type, row.tool}]);
  return of_task;
}

template <class Value>
Json column(const PipelineModel& model, Value value) {
  Json list = Json::array();
  for (const protocol::TaskRow& row : model.tasks()) list.push_back(value(row));
  return list;
}

Json words() {
  Json list = Json::array();
  for (std::size_t i = 1; i <= kTypes; ++i) list.push_back(to_string(static_cast<TaskType>(i)));
  return list;
}

Json status_words() {
  Json list = Json::array();
  for (std::size_t i = 1; i <= kStatuses; ++i) {
    list.push_back(to_string(static_cast<TaskStatus>(i)));
  }
  return list;
}

}  // namespace

Json group_graph_view(const PipelineModel& model) {
  std::vector<Group> groups;
  const std::vector<std::size_t> of_task = group_tasks(model, groups);
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> edges;
  for (std::size_t i = 0; i < of_task.size(); ++i) {
    add(groups[of_task[i]], model.tasks()[i], model.levels()[i]);
    for (const std::uint32_t dependent : model.dependents(i)) {
      ++edges[{of_task[i], of_task[dependent]}];
    }
  }
  Json nodes = Json::array();
  for (std::size_t i = 0; i < groups.size(); ++i) nodes.push_back(to_json(groups[i], i));
  Json links = Json::array();
  for (const auto& [pair, count] : edges) {
    links.push_back({{"from", pair.first}, {"to", pair.second}, {"count", count}});
  }
  return {{"view", "groups"}, {"nodes", std::move(nodes)}, {"edges", std::move(links)}};
}

Json task_graph_view(const PipelineModel& model) {
  std::map<std::string, std::size_t> known;
  Json tools = Json::array();
  for (const protocol::TaskRow& row : model.tasks()) {
    if (known.try_emplace(row.tool, known.size()).second) tools.push_back(row.tool);
  }
  Json from = Json::array();
  Json to = Json::array();
  for (std::size_t i = 0; i < model.tasks().size(); ++i) {
    for (const std::uint32_t dependent : model.dependents(i)) {
      from.push_back(i);
      to.push_back(dependent);
    }
  }
  using Row = protocol::TaskRow;
  Json tasks{{"number", column(model, [](const Row& row) { return number(row.task); })},
             {"tool", column(model, [&](const Row& row) { return known[row.tool]; })},
             {"type", column(model, [](const Row& row) { return row.type - 1; })},
             {"level", model.levels()},
             {"usage_counter", column(model, [](const Row& row) { return row.usage_counter; })}};
  Json state{{"status", column(model, [](const Row& row) { return row.status - 1; })},
             {"cached", column(model, [](const Row& row) { return row.cached ? 1 : 0; })},
             {"ready", column(model, [](const Row& row) { return row.ready ? 1 : 0; })}};
  return {
      {"view", "tasks"},           {"tools", std::move(tools)},
      {"types", words()},          {"statuses", status_words()},
      {"tasks", std::move(tasks)}, {"edges", {{"from", std::move(from)}, {"to", std::move(to)}}},
      {"state", std::move(state)}};
}

}  // namespace landseer::gateway
