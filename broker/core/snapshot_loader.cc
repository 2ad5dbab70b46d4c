#include "broker/core/snapshot_loader.h"

#include "broker/core/fingerprint.h"
#include "broker/core/parts.h"
#include "broker/core/reported.h"
#include "broker/core/submission_builder.h"
#include "common/protocol/codec.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;

tl::unexpected<Error> contradiction(const std::string& what) {
  return fail(ErrorCode::kInternal, "the snapshot contradicts itself: " + what, "snapshot",
              "the store is damaged or was written by a newer version");
}

}  // namespace

Result<void> SnapshotLoader::add(const SnapshotItem& item, const Now& now) {
  if (!has_head_ && !std::holds_alternative<HeadItem>(item)) return contradiction("no head");
  if (const auto* head = std::get_if<HeadItem>(&item)) return on(*head);
  if (const auto* worker = std::get_if<WorkerItem>(&item)) return on(*worker, now);
  if (const auto* timing = std::get_if<TimingItem>(&item)) return on(*timing);
  if (const auto* pipeline = std::get_if<PipelineItem>(&item)) return on(*pipeline, now);
  return on(std::get<TaskItem>(item), now);
}

Result<void> SnapshotLoader::on(const HeadItem& item) {
  if (has_head_) return contradiction("a second head");
  head_ = item;
  has_head_ = true;
  return {};
}

Result<void> SnapshotLoader::on(const WorkerItem& item, const Now& now) {
  if (state_.workers.find_uid(item.uid) != nullptr) return contradiction("a worker twice");
  WorkerRecord& worker = state_.workers.restore(item.worker, item.uid);
  worker.offer.name = item.name;
  worker.state = WorkerState::kLost;
  worker.last_seen = now.wall;
  worker.completed = item.completed;
  worker.failed = item.failed;
  worker.host_failures = item.host_failures;
  worker.host_error = item.host_error;
  worker.drained = item.drained;
  worker.recalled = item.recalled;
  worker.key = item.key;
  state_.fingerprint += fingerprint(worker);
  return {};
}

Result<void> SnapshotLoader::on(const TimingItem& item) {
  const ToolTime time = time_of(item);
  if (state_.times.find(item.tool, item.device) != nullptr) return contradiction("a time twice");
  state_.times.restore(item.tool, item.device, time);
  state_.fingerprint += fingerprint(item.tool, item.device, time);
  return {};
}

Result<void> SnapshotLoader::on(const PipelineItem& item, const Now& now) {
  if (auto closed = close_pipeline(now); !closed) return closed;
  if (sha256(item.body) != item.digest) {
    return contradiction("the submission of " + to_string(item.pipeline) + " is not the one kept");
  }
  const auto submission = protocol::decode_submission(item.body);
  if (!submission) return tl::make_unexpected(submission.error());
  domain::IdCounters ids{item.first_task, item.first_workflow, number(item.pipeline)};
  auto built =
      build_pipeline(*submission, ids, state_.requests, state_.times, WallTime{item.submitted_at});
  if (!built) return tl::make_unexpected(built.error());
  if (state_.pipelines.find(item.pipeline) != nullptr) return contradiction("a pipeline twice");
  open_ = std::move(*built);
  open_->submission_digest = item.digest;
  open_->first_started_at = item.first_started_at;
  open_->finished_at = item.finished_at;
  open_->cancel_requested = item.cancel_requested;
  open_->paused = item.paused;
  for (const protocol::ImageOffer& bound : item.image_contents) {
    open_->image_contents[bound.image] = bound.content;
  }
  open_->dataset_content = item.dataset_content;
  open_->owner = item.owner;
  if (item.priority) open_->priority = *item.priority;
  for (const std::uint32_t index : workflow_indices(*open_, item.cancelled_workflows)) {
    open_->cancelled_workflows.insert(index);
  }
  open_->pauses.tools.insert(item.paused_tools.begin(), item.paused_tools.end());
  open_->pauses.tasks.insert(item.paused_tasks.begin(), item.paused_tasks.end());
  for (const std::uint32_t index : workflow_indices(*open_, item.paused_workflows)) {
    open_->pauses.workflows.insert(index);
  }
  if (item.prunings.empty()) return {};
  if (item.prunings.size() != open_->stop.prunings.size()) {
    return contradiction("the rules of " + to_string(item.pipeline));
  }
  open_->stop.prunings = item.prunings;
  return {};
}

Result<void> SnapshotLoader::on(const TaskItem& item, const Now& now) {
  const auto task = open_ ? open_->scheduler->find_task(item.task) : nullptr;
  if (!task) return contradiction(to_string(item.task) + " belongs to no pipeline");
  constexpr auto kLast = static_cast<std::uint8_t>(TaskStatus::kCancelled);
  if (item.status < 1 || item.status > kLast || open_->find_run(item.task) != nullptr) {
    return contradiction("the status of " + to_string(item.task));
  }
  task->status = static_cast<TaskStatus>(item.status);
  task->cached = item.cached;
  if (item.cached) ++open_->cached;
  task->reason = item.reason;
  task->pruned = item.pruned;
  if (item.ran) open_->runs[item.task] = item.run;
  if (item.ran && task->type == domain::TaskType::kEvaluation &&
      task->status == TaskStatus::kCompleted && !open_->stop.when.empty()) {
    note_reported(open_->stop, *task, item.run);
  }
  open_->count_change(*task, TaskStatus::kPending);
  state_.fingerprint += fingerprint(*task, task->status, open_->find_run(item.task));
  state_.artifacts.add_producer(item.run.artifact, item.task);
  state_.artifacts.add_producer(item.run.checkpoint, item.task);
  for (const WorkerId holder : item.holders) {
    state_.artifacts.add_holder(item.run.artifact, holder);
  }
  for (const WorkerId holder : item.checkpoint_holders) {
    state_.artifacts.add_holder(item.run.checkpoint, holder);
  }
  if ((task->status == TaskStatus::kRunning) != (item.ran && item.run.live())) {
    return contradiction("whether " + to_string(item.task) + " runs");
  }
  if (item.ran && item.run.live()) return load_live_attempt(item, *task);
  if (item.ran && item.run.backoff_ms > kDelayMaxMs) {
    return contradiction("how long " + to_string(item.task) + " is put off");
  }
  if (task->status == TaskStatus::kPending && item.ran && item.run.backoff_ms > 0) {
    held_.push_back(item.task);
  }
  static_cast<void>(now);
  return {};
}

Result<void> SnapshotLoader::load_live_attempt(const TaskItem& item, const domain::Task& task) {
  WorkerRecord* worker = state_.workers.find(item.run.worker);
  if (worker == nullptr || item.run.attempts.empty()) {
    return contradiction("the attempt of " + to_string(item.task));
  }
  const protocol::AttemptRow& row = item.run.attempts.back();
  protocol::AttemptRef ref{item.epoch, item.task, row.attempt};
  if (number(row.origin_task) != 0) {
    ref = {item.epoch, row.origin_task, row.origin_attempt};
    state_.handed_over[ref] = item.task;
  }
  worker->attempts.emplace(item.task, ref);
  state_.workers.reserve(*worker, ref, state_.requests.at(task.request));
  return {};
}

/// What is reserved is what the attempt was assigned with. Its first task may be forgotten by now.
void SnapshotLoader::load_inheritance(TaskId first, TaskId owner) {
  const auto asked = state_.pipelines.find_task(first);
  const auto owned = state_.pipelines.find_task(owner);
  if (!asked || !owned) return;
  WorkerRecord& worker = *state_.workers.find(owned->record->find_run(owner)->worker);
  const protocol::AttemptRef attempt = worker.attempts.at(owner);
  state_.workers.release(worker, attempt, state_.requests.at(owned->task->request));
  worker.inherited.emplace(owner, asked->task->request);
  state_.workers.reserve(worker, attempt, state_.requests.at(asked->task->request));
}

Result<void> SnapshotLoader::close_pipeline(const Now& now) {
  if (!open_) return {};
  open_->scheduler->reload_statuses();
  for (const TaskId task : held_) {
    // It waits for its dependencies if it is not ready: then there is nothing to hold.
    if (!open_->scheduler->hold(task)) continue;
    const auto delay = std::chrono::milliseconds(open_->find_run(task)->backoff_ms);
    state_.held.emplace(now.instant + delay, task);
  }
  held_.clear();
  for (const domain::TaskPtr& task : open_->pipeline->tasks) {
    if (is_held_back(*open_, *task)) open_->scheduler->set_paused(task->id, true);
  }
  if (open_->terminal() != (open_->finished_at != 0)) return contradiction("when a pipeline ended");
  state_.fingerprint += fingerprint(*open_);
  state_.touch(state_.pipelines.add(std::move(open_)));
  return {};
}

Result<void> SnapshotLoader::finish(const Now& now) {
  if (!has_head_) return contradiction("it is empty");
  if (auto closed = close_pipeline(now); !closed) return closed;
  for (const auto& [attempt, owner] : state_.handed_over) load_inheritance(attempt.task, owner);
  state_.ids = {head_.next_task, head_.next_workflow, head_.next_pipeline};
  state_.workers.restore_next_id(head_.next_worker);
  if (state_.fingerprint != head_.fingerprint) return contradiction("its fingerprint is another");
  return {};
}

}  // namespace landseer::broker
