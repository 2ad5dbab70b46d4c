#include "dashboard/gateway/pipeline_model.h"

#include <algorithm>

#include "common/domain/combined_status.h"

namespace landseer::gateway {
namespace {

using domain::TaskStatus;

TaskStatus status_of(const protocol::TaskRow& row) { return static_cast<TaskStatus>(row.status); }

}  // namespace

void PipelineModel::set_row(protocol::PipelineRow row, std::int64_t now_ms) {
  row_ = std::move(row);
  ++version_;
  changed_at_ = now_ms;
}

void PipelineModel::stop_loading() {
  loading_ = false;
  waiting_.clear();
}

void PipelineModel::unload() {
  loaded_ = false;
  content_ = {};
  index_.clear();
  dependents_.clear();
  levels_.clear();
  order_.clear();
  attempt_index_.clear();
}

void PipelineModel::fill(PipelineContent content) {
  unload();
  content_ = std::move(content);
  connect();
  loaded_ = true;
  loading_ = false;
  for (const protocol::TaskChange& change : std::exchange(waiting_, {})) {
    apply(change, changed_at_);
  }
}

void PipelineModel::connect() {
  const auto& tasks = content_.tasks;
  for (std::size_t i = 0; i < tasks.size(); ++i) index_.emplace(number(tasks[i].task), i);
  dependents_.resize(tasks.size());
  levels_.resize(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    for (const TaskId id : tasks[i].dependencies) {
      const auto found = index_.find(number(id));
      if (found != index_.end()) {
        dependents_[found->second].push_back(static_cast<std::uint32_t>(i));
      }
    }
  }
  // Level by level, as a task may be listed before what it depends on.
  std::vector<std::size_t> missing(tasks.size());
  order_.reserve(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    for (const std::uint32_t dependent : dependents_[i]) ++missing[dependent];
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (missing[i] == 0) order_.push_back(static_cast<std::uint32_t>(i));
  }
  for (std::size_t at = 0; at < order_.size(); ++at) {
    for (const std::uint32_t dependent : dependents_[order_[at]]) {
      levels_[dependent] = std::max(levels_[dependent], levels_[order_[at]] + 1);
      if (--missing[dependent] == 0) order_.push_back(dependent);
    }
  }
  for (std::size_t i = 0; i < content_.attempts.size(); ++i) {
    const auto& entry = content_.attempts[i];
    attempt_index_.emplace(std::pair(number(entry.task), entry.attempt.attempt), i);
  }
}

std::vector<TaskId> PipelineModel::apply(const protocol::TaskChange& change, std::int64_t now_ms) {
  ++version_;
  changed_at_ = now_ms;
  if (loading_) waiting_.push_back(change);
  const auto found = index_.find(number(change.row.task));
  if (!loaded_ || found == index_.end()) return {};
  protocol::TaskRow& row = content_.tasks[found->second];
  const bool was_completed = status_of(row) == TaskStatus::kCompleted;
  std::vector<TaskId> dependencies = std::move(row.dependencies);
  std::vector<WorkflowId> workflows = std::move(row.workflows);
  row = change.row;
  row.dependencies = std::move(dependencies);
  row.workflows = std::move(workflows);
  if (change.last.attempt != 0) note_attempt(row.task, change.last);
  std::vector<TaskId> others;
  if (was_completed == (status_of(row) == TaskStatus::kCompleted)) return others;
  for (const std::uint32_t i : dependents_[found->second]) {
    protocol::TaskRow& dependent = content_.tasks[i];
    if (dependent.ready == is_startable(dependent)) continue;
    dependent.ready = !dependent.ready;
    others.push_back(dependent.task);
  }
  return others;
}

bool PipelineModel::is_startable(const protocol::TaskRow& task) const {
  if (status_of(task) != TaskStatus::kPending || number(task.joined) != 0) return false;
  return std::all_of(task.dependencies.begin(), task.dependencies.end(), [this](TaskId id) {
    const protocol::TaskRow* row = find(id);
    return row == nullptr || status_of(*row) == TaskStatus::kCompleted;
  });
}

void PipelineModel::note_attempt(TaskId task, const protocol::AttemptRow& attempt) {
  const auto [entry, is_new] = attempt_index_.try_emplace(std::pair(number(task), attempt.attempt),
                                                          content_.attempts.size());
  if (is_new) {
    content_.attempts.push_back({task, attempt});
  } else {
    content_.attempts[entry->second].attempt = attempt;
  }
}

const protocol::TaskRow* PipelineModel::find(TaskId task) const {
  const auto found = index_.find(number(task));
  return found != index_.end() ? &content_.tasks[found->second] : nullptr;
}

const protocol::AttemptRow* PipelineModel::last_attempt(TaskId task) const {
  const protocol::TaskRow* row = find(task);
  if (row == nullptr) return nullptr;
  const auto found = attempt_index_.find(std::pair(number(task), row->attempts));
  return found != attempt_index_.end() ? &content_.attempts[found->second].attempt : nullptr;
}

protocol::WorkflowRow PipelineModel::workflow_now(std::size_t index) const {
  protocol::WorkflowRow row = content_.workflows[index];
  std::vector<TaskStatus> statuses;
  for (const TaskId id : row.tasks) {
    if (const protocol::TaskRow* task = find(id)) statuses.push_back(status_of(*task));
  }
  row.status = static_cast<std::uint8_t>(domain::combined_status(statuses));
  row.completed = static_cast<std::uint32_t>(
      std::count(statuses.begin(), statuses.end(), TaskStatus::kCompleted));
  return row;
}

}  // namespace landseer::gateway
