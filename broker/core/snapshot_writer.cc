#include "broker/core/snapshot_writer.h"

#include <algorithm>

#include "broker/core/groups.h"
#include "broker/core/parts.h"
#include "common/base/check.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;

PipelineItem item_of(const PipelineRecord& record) {
  PipelineItem item;
  item.pipeline = record.id();
  item.first_task = number(record.first_task);
  const auto& workflows = record.pipeline->workflows;
  if (!workflows.empty()) item.first_workflow = number(workflows.front().id);
  item.digest = record.submission_digest;
  item.submitted_at = record.submitted_at;
  item.first_started_at = record.first_started_at;
  item.finished_at = record.finished_at;
  item.cancel_requested = record.cancel_requested;
  item.paused = record.paused;
  for (const auto& [image, content] : record.image_contents) {
    item.image_contents.push_back({image, content});
  }
  item.dataset_content = record.dataset_content;
  item.priority = record.priority;
  if (std::any_of(record.stop.prunings.begin(), record.stop.prunings.end(),
                  [](const Pruning& sum) { return sum != Pruning{}; })) {
    item.prunings = record.stop.prunings;
  }
  item.cancelled_workflows = workflow_ranges(record, record.cancelled_workflows);
  item.owner = record.owner;
  item.paused_tools.assign(record.pauses.tools.begin(), record.pauses.tools.end());
  item.paused_workflows = workflow_ranges(record, record.pauses.workflows);
  item.paused_tasks.assign(record.pauses.tasks.begin(), record.pauses.tasks.end());
  return item;
}

/// Empty for a task that is as it was when it was submitted.
std::string encode_task(const State& state, const domain::Task& task, TaskStatus status,
                        const TaskRun* run) {
  if (status == TaskStatus::kPending && run == nullptr) return {};
  TaskItem item;
  item.task = task.id;
  item.status = static_cast<std::uint8_t>(status);
  item.cached = task.cached;
  if (status != TaskStatus::kPending) {
    item.reason = task.reason;
    item.pruned = task.pruned;
  }
  if (run != nullptr) {
    item.ran = true;
    item.run = *run;
    if (run->live()) item.epoch = state.workers.find(run->worker)->attempts.at(task.id).epoch;
    item.holders = state.artifacts.holders(run->artifact);
    item.checkpoint_holders = state.artifacts.holders(run->checkpoint);
  }
  return encode_item(item);
}

}  // namespace

void SnapshotWriter::begin() {
  CHECK(!active_, "one snapshot at a time");
  active_ = true;
  opening_.clear();
  append_entry(opening_,
               encode_item(HeadItem{state_.ids.task, state_.ids.workflow, state_.ids.pipeline,
                                    state_.workers.next_id(), state_.fingerprint}));
  for (const auto& [id, worker] : state_.workers.all()) {
    append_entry(opening_,
                 encode_item(WorkerItem{id, worker.offer.uid, worker.offer.name, worker.completed,
                                        worker.failed, worker.host_failures, worker.host_error,
                                        worker.drained, worker.recalled, worker.key}));
  }
  for (const auto& [tool, device, time] : state_.times.rows()) {
    append_entry(opening_, encode_item(item_of(tool, device, time)));
  }
  current_ = PipelineId{};
  next_task_ = 0;
  const auto& pipelines = state_.pipelines.all();
  last_ = pipelines.empty() ? PipelineId{} : pipelines.rbegin()->first;
}

void SnapshotWriter::keep(const PipelineRecord& record) {
  if (!is_ahead(record.id()) || kept_pipelines_.contains(record.id())) return;
  kept_pipelines_.emplace(record.id(), encode_item(item_of(record)));
}

void SnapshotWriter::keep(const PipelineRecord& record, const domain::Task& task, TaskStatus was) {
  if (!active_ || record.id() < current_ || record.id() > last_) return;
  if (record.id() == current_ && *record.scheduler->index_of(task.id) < next_task_) return;
  if (kept_tasks_.contains(task.id)) return;
  kept_tasks_.emplace(task.id, encode_task(state_, task, was, record.find_run(task.id)));
}

void SnapshotWriter::write_task(const PipelineRecord& record, const domain::Task& task,
                                std::string& part) {
  std::string item;
  if (const auto kept = kept_tasks_.find(task.id); kept != kept_tasks_.end()) {
    item = std::move(kept->second);
    kept_tasks_.erase(kept);
  } else {
    item = encode_task(state_, task, task.status, record.find_run(task.id));
  }
  if (!item.empty()) append_entry(part, item);
}

bool SnapshotWriter::enter_next_pipeline(std::string& part) {
  const auto& pipelines = state_.pipelines.all();
  const auto next = pipelines.upper_bound(current_);
  if (next == pipelines.end() || next->first > last_) return false;
  current_ = next->first;
  next_task_ = 0;
  if (const auto kept = kept_pipelines_.find(current_); kept != kept_pipelines_.end()) {
    append_entry(part, kept->second);
    kept_pipelines_.erase(kept);
  } else {
    append_entry(part, encode_item(item_of(*next->second)));
  }
  return true;
}

std::string SnapshotWriter::next_part(std::size_t tasks_max) {
  CHECK(active_, "begin() comes first");
  std::string part = std::move(opening_);
  opening_.clear();
  for (std::size_t seen = 0; seen < tasks_max && part.size() < kPartBytes; ++seen) {
    const PipelineRecord* record = state_.pipelines.find(current_);
    if (record == nullptr || next_task_ >= record->pipeline->tasks.size()) {
      if (enter_next_pipeline(part)) continue;
      CHECK(kept_tasks_.empty() && kept_pipelines_.empty(), "what was kept is written");
      active_ = false;
      break;
    }
    write_task(*record, *record->pipeline->tasks[next_task_++], part);
  }
  return part;
}

}  // namespace landseer::broker
