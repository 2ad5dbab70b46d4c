/// What comes next: the ready tasks in the policy's order, and keeping up with a live policy.
#include <algorithm>

#include "common/domain/priority_scheduler.h"

namespace landseer::domain {
namespace {

/// Ranks of live policies are 0 or more; a task that the guard puts first is far below.
constexpr std::int64_t kUrgentRank = std::int64_t{-1} << 62;

}  // namespace

void PriorityScheduler::rank_tasks() {
  const auto priorities = policy_->initial_priorities({facts_, dependents_, *pipeline_});
  if (live_) paths_.resize(nodes_.size());
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].rank = priorities[i].rank;
    task(i).priority = priorities[i].shown;
    if (live_) paths_[i] = priorities[i].path;
  }
}

void PriorityScheduler::add_ready(std::uint32_t index) {
  ready_.add(task(index).request, entry(index));
  if (live_) urgent_.add(task(index).request, urgent_entry(index));
}

void PriorityScheduler::remove_ready(std::uint32_t index) {
  ready_.remove(task(index).request, entry(index));
  if (live_) urgent_.remove(task(index).request, urgent_entry(index));
}

/// Counts the task that is about to start.
std::optional<std::int64_t> PriorityScheduler::guard() const {
  return live_ ? policy_->guard(progress_.running + 1) : std::nullopt;
}

std::optional<ReadyQueue::Entry> PriorityScheduler::peek_entry(std::uint32_t request) const {
  if (const auto limit = guard()) {
    const auto urgent = urgent_.best(request);
    if (urgent && -urgent->rank >= *limit) return {{kUrgentRank + urgent->rank, urgent->index}};
  }
  return ready_.best(request);
}

std::optional<ReadyQueue::Entry> PriorityScheduler::entry_of(TaskId id) const {
  const auto index = index_of(id);
  if (!index || !is_ready(*index)) return std::nullopt;
  const auto limit = guard();
  if (limit && paths_[*index] >= *limit) return {{kUrgentRank - paths_[*index], *index}};
  return entry(*index);
}

std::vector<ReadyQueue::Entry> PriorityScheduler::first_entries(
    std::uint32_t request, std::size_t most, std::optional<ReadyQueue::Entry> end) const {
  std::vector<ReadyQueue::Entry> found;
  const auto limit = guard();
  if (limit) {
    for (const auto& urgent : urgent_.of(request)) {
      const ReadyQueue::Entry each{kUrgentRank + urgent.rank, urgent.index};
      if (-urgent.rank < *limit) break;
      if (found.size() >= most || (end && !(each < *end))) return found;
      found.push_back(each);
    }
  }
  // No more are passed over than were found above.
  for (const auto& each : ready_.of(request)) {
    if (found.size() >= most || (end && !(each < *end))) break;
    if (!limit || paths_[each.index] < *limit) found.push_back(each);
  }
  return found;
}

TaskPtr PriorityScheduler::peek(std::uint32_t request) const {
  const auto best = peek_entry(request);
  return best ? pipeline_->tasks[best->index] : nullptr;
}

TaskPtr PriorityScheduler::get_next_task() {
  auto best = ready_.best();
  if (const auto limit = guard()) {
    const auto urgent = urgent_.best();
    if (urgent && -urgent->rank >= *limit) best = urgent;
  }
  if (!best) return nullptr;
  move(best->index, TaskStatus::kRunning);
  return pipeline_->tasks[best->index];
}

std::vector<TaskPtr> PriorityScheduler::get_ready_tasks_by_priority() const {
  auto entries = ready_.entries();
  if (const auto limit = guard()) {
    for (auto& each : entries) {
      if (paths_[each.index] >= *limit) each.rank = kUrgentRank - paths_[each.index];
    }
    std::sort(entries.begin(), entries.end());
  }
  std::vector<TaskPtr> tasks;
  tasks.reserve(entries.size());
  for (const auto& each : entries) tasks.push_back(pipeline_->tasks[each.index]);
  return tasks;
}

void PriorityScheduler::touch(std::uint32_t index) {
  if (live_) touched_.push_back(index);
}

void PriorityScheduler::announce() {
  if (touched_.empty()) return;
  changed_.clear();
  policy_->on_changed(touched_, changed_);
  touched_.clear();
  take(changed_);
}

void PriorityScheduler::expect(const std::string& tool, Duration expected) {
  if (!live_) return;
  changed_.clear();
  policy_->expect(tool, expected, changed_);
  take(changed_);
}

void PriorityScheduler::take(const Policy::Changes& changes) {
  for (const auto& [changed, priority] : changes) {
    const bool ready = is_ready(changed);
    if (ready) remove_ready(changed);
    nodes_[changed].rank = priority.rank;
    paths_[changed] = priority.path;
    task(changed).priority = priority.shown;
    if (ready) add_ready(changed);
  }
}

}  // namespace landseer::domain
