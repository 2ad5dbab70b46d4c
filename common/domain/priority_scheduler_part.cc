/// Ending, and trying again, parts of a pipeline: many tasks at once.
#include <algorithm>
#include <map>
#include <unordered_set>

#include "common/base/check.h"
#include "common/domain/priority_scheduler.h"

namespace landseer::domain {

std::vector<TaskPtr> PriorityScheduler::dependents_of(TaskId id) const {
  const auto index = index_of(id);
  if (!index) return {};
  const auto dependents = dependents_[*index];
  return tasks_of({dependents.begin(), dependents.end()});
}

std::vector<TaskPtr> PriorityScheduler::below(std::span<const TaskPtr> roots) const {
  std::vector<std::uint32_t> open;
  for (const TaskPtr& root : roots) open.push_back(*index_of(root->id));
  std::unordered_set<std::uint32_t> seen;
  while (!open.empty()) {
    const std::uint32_t index = open.back();
    open.pop_back();
    for (const std::uint32_t dependent : dependents_[index]) {
      if (seen.insert(dependent).second) open.push_back(dependent);
    }
  }
  std::vector<std::uint32_t> found(seen.begin(), seen.end());
  std::sort(found.begin(), found.end());
  return tasks_of(found);
}

Consequences PriorityScheduler::cancel_tasks(std::span<const TaskPtr> tasks,
                                             const std::string& reason, bool pruned) {
  for (const TaskPtr& each : tasks) {
    CHECK(each->status == TaskStatus::kPending, "only pending tasks end at once");
    const std::uint32_t index = *index_of(each->id);
    move(index, TaskStatus::kCancelled);
    each->reason = reason;
    each->pruned = pruned;
    touch(index);
  }
  // After that, as one of them may depend on another.
  Consequences consequences;
  for (const TaskPtr& each : tasks) skip_dependents(*index_of(each->id), consequences);
  announce();
  return consequences;
}

/// In the order of ids, in which dependencies come first: whoever has nothing lost above it that
/// does not come along, comes along.
std::vector<std::uint32_t> PriorityScheduler::plan_retry_part(std::span<const TaskPtr> part) const {
  std::map<TaskId, std::uint32_t> open;
  for (const TaskPtr& each : part) {
    if (is_terminal(each->status) && each->status != TaskStatus::kCompleted) {
      open.emplace(each->id, *index_of(each->id));
    }
  }
  std::vector<std::uint32_t> plan;
  std::unordered_set<std::uint32_t> joined;
  for (; !open.empty(); open.erase(open.begin())) {
    const std::uint32_t index = open.begin()->second;
    const auto& above = task(index).dependencies;
    const bool in_vain = std::any_of(above.begin(), above.end(), [&](TaskId id) {
      const std::uint32_t dependency = *index_of(id);
      const TaskStatus status = task(dependency).status;
      return is_terminal(status) && status != TaskStatus::kCompleted &&
             !joined.contains(dependency);
    });
    if (in_vain || !joined.insert(index).second) continue;
    plan.push_back(index);
    for (const std::uint32_t dependent : dependents_[index]) {
      if (task(dependent).status == TaskStatus::kSkipped) {
        open.emplace(task(dependent).id, dependent);
      }
    }
  }
  return plan;
}

std::vector<TaskPtr> PriorityScheduler::retryable_part(std::span<const TaskPtr> part) const {
  return tasks_of(plan_retry_part(part));
}

std::vector<TaskPtr> PriorityScheduler::retry_part(std::span<const TaskPtr> part) {
  return revive(plan_retry_part(part));
}

void PriorityScheduler::set_paused(TaskId id, bool paused) {
  const auto index = index_of(id);
  if (!index || nodes_[*index].paused == paused) return;
  if (is_ready(*index)) remove_ready(*index);
  nodes_[*index].paused = paused;
  const bool is_pending = task(*index).status == TaskStatus::kPending;
  paused ? ++paused_ : --paused_;
  if (is_pending) paused ? ++paused_pending_ : --paused_pending_;
  if (is_ready(*index)) add_ready(*index);
}

bool PriorityScheduler::is_paused(TaskId id) const {
  const auto index = index_of(id);
  return index && nodes_[*index].paused;
}

void PriorityScheduler::resume_all() {
  if (paused_ == 0) return;
  for (const TaskPtr& each : pipeline_->tasks) set_paused(each->id, false);
}

}  // namespace landseer::domain
