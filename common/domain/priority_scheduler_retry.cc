/// Retrying: tasks that are over become pending again.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "common/domain/priority_scheduler.h"

namespace landseer::domain {
namespace {

/// Over, and nobody who depends on it can run.
bool is_lost(TaskStatus status) { return is_terminal(status) && status != TaskStatus::kCompleted; }

}  // namespace

std::optional<std::uint32_t> PriorityScheduler::lost_dependency(std::uint32_t index) const {
  for (const TaskId id : task(index).dependencies) {
    const std::uint32_t dependency = *index_of(id);
    if (is_lost(task(dependency).status)) return dependency;
  }
  return std::nullopt;
}

/// From the roots down: a task joins when the last of its lost dependencies has joined. Each edge
/// is looked at twice.
std::vector<std::uint32_t> PriorityScheduler::plan_retry(std::vector<std::uint32_t> roots,
                                                         WantedStatuses wanted) const {
  std::vector<std::uint32_t> plan = std::move(roots);
  std::unordered_set<std::uint32_t> expanded;
  std::unordered_map<std::uint32_t, std::uint32_t> missing;  // lost dependencies not expanded
  const auto count_missing = [&](std::uint32_t index) {
    std::uint32_t count = 0;
    for (const TaskId id : task(index).dependencies) {
      const std::uint32_t dependency = *index_of(id);
      if (is_lost(task(dependency).status) && !expanded.contains(dependency)) ++count;
    }
    return count;
  };
  for (std::size_t next = 0; next < plan.size(); ++next) {
    const std::uint32_t index = plan[next];
    for (const std::uint32_t dependent : dependents_[index]) {
      const TaskStatus status = task(dependent).status;
      if (std::find(wanted.begin(), wanted.end(), status) == wanted.end()) continue;
      const auto known = missing.find(dependent);
      std::uint32_t& left =
          known != missing.end()
              ? known->second
              : missing.emplace(dependent, count_missing(dependent)).first->second;
      if (--left == 0) plan.push_back(dependent);
    }
    expanded.insert(index);
  }
  return plan;
}

Result<std::vector<std::uint32_t>> PriorityScheduler::plan_retry_one(TaskId id) const {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  const Task& wanted = task(*index);
  if (!is_lost(wanted.status)) {
    return fail(
        ErrorCode::kConflict,
        "cannot retry " + to_string(id) + ": it is " + std::string(to_string(wanted.status)),
        to_string(id), "only failed, skipped and cancelled tasks can be retried");
  }
  if (auto cause = lost_dependency(*index)) {
    while (const auto above = lost_dependency(*cause)) cause = above;
    return fail(ErrorCode::kConflict, "cannot retry " + to_string(id) + ": its " + blame(*cause),
                to_string(id),
                "retry " + to_string(task(*cause).id) + " instead: what was skipped comes with it");
  }
  return plan_retry({*index}, {TaskStatus::kSkipped});
}

std::vector<std::uint32_t> PriorityScheduler::plan_retry_all(bool cancelled) const {
  // Twice failed: a list of three either way.
  const TaskStatus also = cancelled ? TaskStatus::kCancelled : TaskStatus::kFailed;
  const WantedStatuses wanted{TaskStatus::kFailed, TaskStatus::kSkipped, also};
  std::vector<std::uint32_t> roots;
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const bool is_wanted = std::find(wanted.begin(), wanted.end(), task(i).status) != wanted.end();
    if (is_wanted && !lost_dependency(i)) roots.push_back(i);
  }
  return plan_retry(std::move(roots), wanted);
}

std::vector<TaskPtr> PriorityScheduler::tasks_of(const std::vector<std::uint32_t>& plan) const {
  std::vector<TaskPtr> tasks;
  tasks.reserve(plan.size());
  for (const std::uint32_t index : plan) tasks.push_back(pipeline_->tasks[index]);
  return tasks;
}

std::vector<TaskPtr> PriorityScheduler::revive(const std::vector<std::uint32_t>& plan) {
  for (const std::uint32_t index : plan) {
    Node& node = nodes_[index];
    node.held = false;
    node.waiting = 0;  // it was not kept while the task was over
    for (const TaskId id : task(index).dependencies) {
      if (find_task(id)->status != TaskStatus::kCompleted) ++node.waiting;
    }
    task(index).cached = false;
    move(index, TaskStatus::kPending);
    touch(index);
  }
  announce();
  return tasks_of(plan);
}

Result<std::vector<TaskPtr>> PriorityScheduler::retry(TaskId id) {
  const auto plan = plan_retry_one(id);
  if (!plan) return tl::make_unexpected(plan.error());
  return revive(*plan);
}

std::vector<TaskPtr> PriorityScheduler::retry_all(bool cancelled) {
  return revive(plan_retry_all(cancelled));
}

Result<std::vector<TaskPtr>> PriorityScheduler::retryable(TaskId id) const {
  const auto plan = plan_retry_one(id);
  if (!plan) return tl::make_unexpected(plan.error());
  return tasks_of(*plan);
}

std::vector<TaskPtr> PriorityScheduler::retryable_all(bool cancelled) const {
  return tasks_of(plan_retry_all(cancelled));
}

}  // namespace landseer::domain
