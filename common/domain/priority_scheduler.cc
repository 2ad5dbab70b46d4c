#include "common/domain/priority_scheduler.h"

#include <algorithm>
#include <unordered_set>

#include "common/base/check.h"

namespace landseer::domain {
namespace {

Error not_found(TaskId id) {
  return {ErrorCode::kNotFound, to_string(id) + " not found", "scheduler",
          "ids are those of this pipeline's tasks"};
}

Error wrong_status(const Task& task, std::string_view attempted) {
  return {ErrorCode::kConflict,
          "cannot " + std::string(attempted) + " " + to_string(task.id) + ": it is " +
              std::string(to_string(task.status)),
          "scheduler", ""};
}

}  // namespace

PriorityScheduler::PriorityScheduler(PipelinePtr pipeline, std::unique_ptr<Policy> policy)
    : pipeline_(std::move(pipeline)), policy_(std::move(policy)), live_(policy_->is_live()) {}

Result<Consequences> PriorityScheduler::update_task_status(TaskId id, TaskStatus status,
                                                           std::string reason) {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  if (status != TaskStatus::kCompleted && status != TaskStatus::kFailed) {
    return fail(ErrorCode::kInvalid,
                "Invalid status '" + std::string(to_string(status)) +
                    "': Only COMPLETED or FAILED can be set",
                to_string(id), "the scheduler itself moves tasks to the other statuses");
  }
  if (task(*index).status != TaskStatus::kRunning) {
    return tl::make_unexpected(wrong_status(task(*index), "end"));
  }
  Consequences consequences;
  finish(*index, status, std::move(reason), consequences);
  return consequences;
}

Result<void> PriorityScheduler::start(TaskId id) {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  if (!is_ready(*index)) return tl::make_unexpected(wrong_status(task(*index), "start"));
  move(*index, TaskStatus::kRunning);
  return {};
}

Result<Consequences> PriorityScheduler::requeue(TaskId id, bool held) {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  if (task(*index).status != TaskStatus::kRunning) {
    return tl::make_unexpected(wrong_status(task(*index), "requeue"));
  }
  nodes_[*index].held = held;
  move(*index, TaskStatus::kPending);
  Consequences consequences;
  for (const TaskId dependency : task(*index).dependencies) {
    const TaskStatus status = find_task(dependency)->status;
    if (!is_terminal(status) || status == TaskStatus::kCompleted) continue;
    skip(*index, blame(*index_of(dependency)), consequences);
    skip_dependents(*index, consequences);
    announce();
    break;
  }
  return consequences;
}

PriorityScheduler::Below PriorityScheduler::look_below(TaskId id, std::size_t& looks) const {
  const auto root = require(id);
  if (!root || dependents_[*root].empty()) return Below::kNothing;
  std::vector<std::uint32_t> open{*root};
  std::unordered_set<std::uint32_t> seen;
  while (!open.empty()) {
    const std::uint32_t index = open.back();
    open.pop_back();
    for (const std::uint32_t dependent : dependents_[index]) {
      if (looks == 0 || !is_terminal(task(dependent).status)) return Below::kOpen;
      --looks;
      if (seen.insert(dependent).second) open.push_back(dependent);
    }
  }
  return Below::kOver;
}

Result<Consequences> PriorityScheduler::fail_pending(TaskId id, std::string reason) {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  if (task(*index).status != TaskStatus::kPending) {
    return tl::make_unexpected(wrong_status(task(*index), "fail"));
  }
  move(*index, TaskStatus::kRunning);  // the only legal way to failed
  Consequences consequences;
  finish(*index, TaskStatus::kFailed, std::move(reason), consequences);
  return consequences;
}

Result<void> PriorityScheduler::hold(TaskId id) {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  if (!is_ready(*index)) return tl::make_unexpected(wrong_status(task(*index), "hold"));
  remove_ready(*index);
  nodes_[*index].held = true;
  return {};
}

Result<void> PriorityScheduler::release(TaskId id) {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  Node& node = nodes_[*index];
  if (!node.held || task(*index).status != TaskStatus::kPending) {
    return tl::make_unexpected(wrong_status(task(*index), "release"));
  }
  node.held = false;
  if (is_ready(*index)) add_ready(*index);
  return {};
}

Result<Consequences> PriorityScheduler::complete_cached(TaskId id) {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  if (!is_ready(*index)) return tl::make_unexpected(wrong_status(task(*index), "reuse"));
  task(*index).cached = true;
  Consequences consequences;
  finish(*index, TaskStatus::kCompleted, {}, consequences);
  return consequences;
}

Result<void> PriorityScheduler::reopen(TaskId id) {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  if (task(*index).status != TaskStatus::kCompleted) {
    return tl::make_unexpected(wrong_status(task(*index), "run again"));
  }
  Node& node = nodes_[*index];
  node.waiting = 0;
  for (const TaskId dependency : task(*index).dependencies) {
    if (find_task(dependency)->status != TaskStatus::kCompleted) ++node.waiting;
  }
  for (const std::uint32_t dependent : dependents_[*index]) {
    if (is_terminal(task(dependent).status)) continue;
    if (is_ready(dependent)) remove_ready(dependent);
    ++nodes_[dependent].waiting;
  }
  task(*index).cached = false;
  move(*index, TaskStatus::kPending);
  touch(*index);
  announce();
  return {};
}

Result<Consequences> PriorityScheduler::cancel(TaskId id, std::string reason) {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  if (is_terminal(task(*index).status)) {
    return tl::make_unexpected(wrong_status(task(*index), "cancel"));
  }
  Consequences consequences;
  finish(*index, TaskStatus::kCancelled, std::move(reason), consequences);
  return consequences;
}

std::vector<TaskPtr> PriorityScheduler::cancel_pending(const std::string& reason) {
  std::vector<TaskPtr> cancelled;
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (task(i).status != TaskStatus::kPending) continue;
    move(i, TaskStatus::kCancelled);
    task(i).reason = reason;
    touch(i);
    cancelled.push_back(pipeline_->tasks[i]);
  }
  announce();
  return cancelled;
}

Result<TaskPriorityInfo> PriorityScheduler::get_task_priority_info(TaskId id) const {
  const auto index = require(id);
  if (!index) return tl::make_unexpected(index.error());
  const Task& found = task(*index);
  return TaskPriorityInfo{found.id,
                          found.priority,
                          found.dependency_level(),
                          found.usage_counter(),
                          std::string(to_string(found.status)),
                          found.dependencies,
                          found.workflows};
}

std::map<std::uint32_t, std::vector<TaskPtr>> PriorityScheduler::get_priority_levels() const {
  std::map<std::uint32_t, std::vector<TaskPtr>> levels;
  for (const TaskPtr& each : pipeline_->tasks) levels[each->dependency_level()].push_back(each);
  for (auto& [level, tasks] : levels) {
    std::stable_sort(tasks.begin(), tasks.end(), [](const TaskPtr& a, const TaskPtr& b) {
      return a->usage_counter() > b->usage_counter();
    });
  }
  return levels;
}

TaskPtr PriorityScheduler::find_task(TaskId id) const {
  const auto index = index_of(id);
  return index ? pipeline_->tasks[*index] : nullptr;
}

std::optional<std::uint32_t> PriorityScheduler::index_of(TaskId id) const {
  // An id below the first one is far beyond the last one, this way.
  const std::uint64_t offset = number(id) - number(first_id_);
  if (offset >= positions_.size() || positions_[offset] == kNowhere) return std::nullopt;
  return positions_[offset];
}

Result<std::uint32_t> PriorityScheduler::require(TaskId id) const {
  const auto index = index_of(id);
  if (!index) return tl::make_unexpected(not_found(id));
  return *index;
}

bool PriorityScheduler::is_held(TaskId id) const {
  const auto index = index_of(id);
  return index && nodes_[*index].held && task(*index).status == TaskStatus::kPending;
}

bool PriorityScheduler::is_ready(TaskId id) const {
  const auto index = index_of(id);
  return index && is_ready(*index);
}

bool PriorityScheduler::is_ready(std::uint32_t index) const {
  const Node& node = nodes_[index];
  return task(index).status == TaskStatus::kPending && node.waiting == 0 && !node.held &&
         !node.paused;
}

std::uint64_t& PriorityScheduler::counter(TaskStatus status) {
  switch (status) {
    case TaskStatus::kPending:
      return progress_.pending;
    case TaskStatus::kRunning:
      return progress_.running;
    case TaskStatus::kCompleted:
      return progress_.completed;
    case TaskStatus::kFailed:
      return progress_.failed;
    case TaskStatus::kSkipped:
      return progress_.skipped;
    case TaskStatus::kCancelled:
      return progress_.cancelled;
  }
  check_failed(__FILE__, __LINE__, "counter", "every status has a counter");
}

void PriorityScheduler::move(std::uint32_t index, TaskStatus to) {
  Task& moved = task(index);
  CHECK(is_legal_transition(moved.status, to), "only legal transitions are asked for");
  if (is_ready(index)) remove_ready(index);
  --counter(moved.status);
  ++counter(to);
  if (nodes_[index].paused) {
    paused_pending_ += std::uint64_t{to == TaskStatus::kPending};
    paused_pending_ -= std::uint64_t{moved.status == TaskStatus::kPending};
  }
  moved.status = to;
  if (to == TaskStatus::kPending) moved.reason.clear();
  moved.pruned = moved.pruned && to == TaskStatus::kCancelled;
  if (is_ready(index)) add_ready(index);
}

void PriorityScheduler::finish(std::uint32_t index, TaskStatus to, std::string reason,
                               Consequences& out) {
  move(index, to);
  task(index).reason = std::move(reason);
  touch(index);
  if (to != TaskStatus::kCompleted) {
    skip_dependents(index, out);
    announce();
    return;
  }
  for (const std::uint32_t dependent : dependents_[index]) {
    if (is_terminal(task(dependent).status)) continue;
    Node& node = nodes_[dependent];
    CHECK(node.waiting > 0, "a dependent waits for each dependency once");
    if (--node.waiting > 0 || !is_ready(dependent)) continue;
    add_ready(dependent);
    out.ready.push_back(pipeline_->tasks[dependent]);
  }
  announce();
}

std::string PriorityScheduler::blame(std::uint32_t root) const {
  return "dependency " + to_string(task(root).id) + " (" + task(root).tool->name + ") " +
         std::string(to_string(task(root).status));
}

void PriorityScheduler::skip(std::uint32_t index, const std::string& reason, Consequences& out) {
  move(index, TaskStatus::kSkipped);
  task(index).reason = reason;
  touch(index);
  out.skipped.push_back(pipeline_->tasks[index]);
}

void PriorityScheduler::skip_dependents(std::uint32_t root, Consequences& out) {
  const std::string reason = blame(root);
  std::vector<std::uint32_t> open{root};
  while (!open.empty()) {
    const std::uint32_t index = open.back();
    open.pop_back();
    for (const std::uint32_t dependent : dependents_[index]) {
      if (task(dependent).status != TaskStatus::kPending) continue;
      skip(dependent, reason, out);
      open.push_back(dependent);
    }
  }
}

}  // namespace landseer::domain
