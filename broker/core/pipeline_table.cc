#include "broker/core/pipeline_table.h"

#include <algorithm>
#include <unordered_set>

#include "broker/core/request_table.h"
#include "common/base/check.h"

namespace landseer::broker {

using domain::TaskStatus;
using protocol::PipelineState;

bool has_image(const domain::Task& task) {
  return !task.tool->container.image.empty() &&
         task.tool->container.runtime.value_or("") != kNoopRuntime;
}

PipelineState PipelineRecord::state() const {
  if (!terminal()) return paused ? PipelineState::kPaused : PipelineState::kRunning;
  if (cancel_requested) return PipelineState::kCancelled;
  const domain::Progress progress = scheduler->get_progress();
  return progress.completed + pruned == progress.total ? PipelineState::kCompleted
                                                       : PipelineState::kFailed;
}

std::optional<std::uint32_t> PipelineRecord::index_of(WorkflowId workflow) const {
  const auto& workflows = pipeline->workflows;
  if (workflows.empty() || workflow < workflows.front().id) return std::nullopt;
  const std::uint64_t index = number(workflow) - number(workflows.front().id);
  if (index >= workflows.size()) return std::nullopt;
  return static_cast<std::uint32_t>(index);
}

const TaskRun* PipelineRecord::find_run(TaskId task) const { return runs.find(task); }

Digest PipelineRecord::image_content(const domain::Task& task) const {
  if (!has_image(task)) return {};
  const auto bound = image_contents.find(task.tool->container.image);
  return bound != image_contents.end() ? bound->second : Digest{};
}

Digest PipelineRecord::inputs_of(const domain::Task& task) const {
  if (task.dependencies.empty()) return {};
  std::string artifacts;
  for (const TaskId id : ancestors(task)) {
    const TaskRun* run = find_run(id);
    const Digest artifact = run != nullptr ? run->artifact : Digest{};
    artifacts.append(reinterpret_cast<const char*>(artifact.bytes.data()), artifact.bytes.size());
  }
  return sha256(artifacts);
}

std::vector<TaskId> PipelineRecord::ancestors(const domain::Task& task) const {
  std::vector<TaskId> open = task.dependencies;
  std::unordered_set<TaskId> seen(open.begin(), open.end());
  std::vector<TaskId> all;
  while (!open.empty()) {
    const TaskId id = open.back();
    open.pop_back();
    all.push_back(id);
    for (const TaskId dependency : scheduler->find_task(id)->dependencies) {
      if (seen.insert(dependency).second) open.push_back(dependency);
    }
  }
  // Ids grow from dependency to dependent.
  std::sort(all.begin(), all.end());
  return all;
}

void PipelineRecord::count_change(const domain::Task& task, TaskStatus from) {
  ++version;
  protocol::StageCounts& stage = stages[static_cast<std::size_t>(task.type) - 1];
  const auto apply = [&](TaskStatus status, std::uint64_t delta) {
    if (status == TaskStatus::kRunning)
      stage.running += delta;
    else if (status == TaskStatus::kCompleted)
      stage.completed += delta;
    else if (domain::is_terminal(status))
      stage.failed += delta;
  };
  apply(from, ~std::uint64_t{0});  // minus one
  apply(task.status, 1);
  if (domain::is_terminal(from) != domain::is_terminal(task.status)) {
    tools[tool_index.at(task.tool)].left += domain::is_terminal(from) ? 1 : ~std::uint64_t{0};
  }
  if (domain::is_terminal(from) != domain::is_terminal(task.status)) {
    open_requests[task.request] += domain::is_terminal(from) ? 1 : ~std::uint64_t{0};
  }
  if (task.status == TaskStatus::kCancelled && task.pruned) ++pruned;
  const bool was_done = from == TaskStatus::kCompleted;
  const bool is_done = task.status == TaskStatus::kCompleted;
  if (was_done == is_done) return;
  const std::uint64_t first = number(pipeline->workflows.front().id);
  for (const WorkflowId id : task.workflows) {
    std::uint32_t& remaining = workflow_remaining[number(id) - first];
    if (is_done && --remaining == 0) ++workflows_completed;
    if (was_done && remaining++ == 0) --workflows_completed;
  }
}

PipelineRecord& PipelineTable::add(std::unique_ptr<PipelineRecord> record) {
  PipelineRecord& added = *record;
  records_.emplace(added.id(), std::move(record));
  by_submission_.emplace(std::pair(added.owner, added.submission_id), &added);
  if (number(added.first_task) != 0) by_first_task_.emplace(added.first_task, &added);
  if (!added.pipeline->workflows.empty()) {
    by_first_workflow_.emplace(added.pipeline->workflows.front().id, &added);
  }
  tasks_ += added.pipeline->tasks.size();
  for (const domain::TaskPtr& task : added.pipeline->tasks) keys_.add(task->key, task->id);
  revive(added);
  if (added.terminal()) retire(added);
  return added;
}

std::optional<PipelineId> PipelineTable::oldest_finished() const {
  for (const auto& [id, record] : records_) {
    if (record->terminal()) return id;
  }
  return std::nullopt;
}

bool PipelineTable::uses_script(const Digest& script) const {
  return std::any_of(records_.begin(), records_.end(), [&](const auto& entry) {
    return entry.second->key_context.model_script == script;
  });
}

void PipelineTable::forget(PipelineId id) {
  const auto found = records_.find(id);
  if (found == records_.end()) return;
  const PipelineRecord& record = *found->second;
  CHECK(record.terminal(), "only finished pipelines are forgotten");
  by_submission_.erase({record.owner, record.submission_id});
  std::erase_if(by_first_task_, [&](const auto& entry) { return entry.second == &record; });
  std::erase_if(by_first_workflow_, [&](const auto& entry) { return entry.second == &record; });
  tasks_ -= record.pipeline->tasks.size();
  for (const domain::TaskPtr& task : record.pipeline->tasks) keys_.remove(task->key, task->id);
  unarchived_.erase(id);
  records_.erase(found);
}

PipelineRecord* PipelineTable::find(PipelineId id) {
  const auto found = records_.find(id);
  return found != records_.end() ? found->second.get() : nullptr;
}

const PipelineRecord* PipelineTable::find(PipelineId id) const {
  const auto found = records_.find(id);
  return found != records_.end() ? found->second.get() : nullptr;
}

PipelineRecord* PipelineTable::find_submission(const std::string& submission_id,
                                               const std::string& owner) {
  const auto found = by_submission_.find({owner, submission_id});
  return found != by_submission_.end() ? found->second : nullptr;
}

std::optional<FoundTask> PipelineTable::find_task(TaskId id) const {
  auto next = by_first_task_.upper_bound(id);
  if (next == by_first_task_.begin()) return std::nullopt;
  PipelineRecord* record = std::prev(next)->second;
  domain::TaskPtr task = record->scheduler->find_task(id);
  if (!task) return std::nullopt;
  return FoundTask{record, std::move(task)};
}

PipelineRecord* PipelineTable::find_workflow(WorkflowId id) const {
  auto next = by_first_workflow_.upper_bound(id);
  if (next == by_first_workflow_.begin()) return nullptr;
  PipelineRecord* record = std::prev(next)->second;
  return record->index_of(id) ? record : nullptr;
}

void PipelineTable::set_priority(PipelineRecord& record, std::int64_t priority) {
  const bool is_active = active_.erase(order(record)) > 0;
  record.priority = priority;
  if (is_active) active_.insert(order(record));
}

void PipelineTable::retire(const PipelineRecord& record) {
  if (active_.erase(order(record)) == 0) return;
  live_tasks_ -= record.pipeline->tasks.size();
  const auto owned = live_by_owner_.find(record.owner);
  if (owned != live_by_owner_.end() && (owned->second -= record.pipeline->tasks.size()) == 0) {
    live_by_owner_.erase(owned);
  }
  unarchived_.insert(record.id());
}

void PipelineTable::revive(const PipelineRecord& record) {
  if (!active_.insert(order(record)).second) return;
  live_tasks_ += record.pipeline->tasks.size();
  live_by_owner_[record.owner] += record.pipeline->tasks.size();
}

std::uint64_t PipelineTable::live_tasks_of(const std::string& owner) const {
  const auto found = live_by_owner_.find(owner);
  return found != live_by_owner_.end() ? found->second : 0;
}

}  // namespace landseer::broker
