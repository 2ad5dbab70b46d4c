#include "broker/core/ledger.h"

#include <algorithm>

#include "broker/core/fingerprint.h"
#include "broker/core/submission_builder.h"
#include "common/base/check.h"
#include "common/protocol/codec.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;
using protocol::Outcome;

/// A scheduler's refusal here would mean that two tables disagree.
template <class T>
T expect(Result<T> result) {
  if (!result) check_failed(__FILE__, __LINE__, result.error().message.c_str(), "tables agree");
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace

Ledger::TaskChange::TaskChange(Ledger& ledger, PipelineRecord& record, const domain::Task& task)
    : ledger_(ledger), record_(record), task_(task) {
  ledger_.snapshot_.keep(record, task, task.status);
  ledger_.state_.fingerprint -= fingerprint(task, task.status, record.find_run(task.id));
}

Ledger::TaskChange::~TaskChange() {
  ledger_.state_.fingerprint += fingerprint(task_, task_.status, record_.find_run(task_.id));
  ledger_.state_.changes.note(record_.id(), task_.id);
}

void Ledger::note_moved(PipelineRecord& record, const domain::Task& task) {
  const TaskRun* run = record.find_run(task.id);
  snapshot_.keep(record, task, TaskStatus::kPending);
  state_.fingerprint -= fingerprint(task, TaskStatus::kPending, run);
  state_.fingerprint += fingerprint(task, task.status, run);
  record.count_change(task, TaskStatus::kPending);
  state_.changes.note(record.id(), task.id);
}

void Ledger::commit(Record record, const Now& now, Outbox& out) {
  std::visit([&](const auto& r) { apply(r, now); }, record);
  out.records.push_back(std::move(record));
}

PipelineRecord& Ledger::commit_pipeline(std::unique_ptr<PipelineRecord> built, std::string body,
                                        const Now& now, Outbox& out) {
  PipelineRecord& record = state_.pipelines.add(std::move(built));
  state_.fingerprint += fingerprint(record);
  out.records.push_back(PipelineAdded{record.id(), now.wall.unix_ms, record.submission_digest,
                                      std::move(body), record.owner});
  state_.placement_due = true;
  state_.touch(record);
  return record;
}

Result<void> Ledger::add(const PipelineAdded& r) {
  const auto submission = protocol::decode_submission(r.body);
  if (!submission) return tl::make_unexpected(submission.error());
  auto built = build_pipeline(*submission, state_.ids, state_.requests, state_.times,
                              WallTime{r.submitted_at});
  if (!built) return tl::make_unexpected(built.error());
  (*built)->submission_digest = r.digest;
  (*built)->owner = r.owner;
  PipelineRecord& record = state_.pipelines.add(std::move(*built));
  state_.fingerprint += fingerprint(record);
  state_.touch(record);
  return {};
}

void Ledger::apply(const PipelineAdded& r, const Now& now) {
  expect(add(r));
  static_cast<void>(now);
}

void Ledger::apply(const WorkerAdded& r, const Now& now) {
  WorkerRecord& worker = state_.workers.add(r.uid);
  worker.offer.name = r.name;
  worker.key = r.key;
  worker.state = WorkerState::kLost;
  worker.last_seen = now.wall;
  state_.fingerprint += fingerprint(worker);
}

void Ledger::apply(const AttemptAssigned& r, const Now& now) {
  const auto found = *state_.pipelines.find_task(r.attempt.task);
  PipelineRecord& record = *found.record;
  const TaskChange change_of_task(*this, record, *found.task);
  // In a replay the backoff was over before, whatever the clock says now.
  if (record.scheduler->is_held(found.task->id)) {
    expect(record.scheduler->release(found.task->id));
    // Left behind, it would cut the pause after the next failure short.
    std::erase_if(state_.held, [&](const auto& entry) { return entry.second == found.task->id; });
  }
  expect(record.scheduler->start(found.task->id));
  record.count_change(*found.task, TaskStatus::kPending);
  WorkerRecord& worker = *state_.workers.find(r.worker);
  TaskRun& run = record.runs[found.task->id];
  protocol::AttemptRow row;
  row.attempt = r.attempt.attempt;
  row.worker = worker.offer.name;
  row.worker_id = worker.id;
  row.assigned_at = r.at;
  run.attempts.push_back(std::move(row));
  run.worker = worker.id;
  run.backoff_ms = 0;
  run.inputs = record.inputs_of(*found.task);
  worker.attempts.emplace(found.task->id, r.attempt);
  state_.workers.reserve(worker, r.attempt, state_.requests.at(found.task->request));
  if (record.first_started_at == 0) change(record, [&] { record.first_started_at = r.at; });
  state_.touch(record);
  static_cast<void>(now);
}

void Ledger::apply(const AttemptEnded& r, const Now& now) {
  const auto found = *state_.pipelines.find_task(r.result.task);
  const TaskChange change_of_task(*this, *found.record, *found.task);
  TaskRun& run = found.record->runs[found.task->id];
  WorkerRecord& worker = *state_.workers.find(run.worker);
  state_.fingerprint -= fingerprint(worker);
  record_attempt(found, run, worker, r);
  count_outcome(run, worker, r.result);
  state_.fingerprint += fingerprint(worker);
  if (r.result.outcome == Outcome::kInputMissing) {
    // Whoever was thought to hold it could not deliver.
    state_.artifacts.remove_holders(r.result.missing_input);
  }
  if (r.decision != Decision::kComplete) {
    keep_checkpoint(run, found.task->id, worker.id, r.result);
  }
  switch (r.decision) {
    case Decision::kComplete:
      keep_result(found, run, worker.id, r.result);
      learn_time(found.task->tool->name, r);
      finish(found, TaskStatus::kCompleted, r.reason);
      note_evaluation(*found.record, *found.task);
      break;
    case Decision::kFail:
      finish(found, TaskStatus::kFailed, r.reason);
      break;
    case Decision::kCancel:
      cancel(found, r.reason);
      break;
    case Decision::kAgain:
      run.backoff_ms = r.delay_ms;
      requeue(found, r.delay_ms > 0);
      if (r.delay_ms > 0) {
        state_.held.emplace(now.instant + std::chrono::milliseconds(r.delay_ms), found.task->id);
      }
      break;
  }
  state_.placement_due = true;
  state_.touch(*found.record);
  retire_if_terminal(*found.record, r.at);
}

void Ledger::record_attempt(const FoundTask& found, TaskRun& run, WorkerRecord& worker,
                            const AttemptEnded& r) {
  const auto live = worker.attempts.find(found.task->id);
  const protocol::AttemptRef attempt = live->second;
  state_.handed_over.erase(attempt);
  worker.attempts.erase(live);
  state_.workers.release(worker, attempt, state_.requests.at(worker.request_of(*found.task)));
  worker.inherited.erase(found.task->id);
  run.worker = WorkerId{};
  protocol::AttemptRow& row = run.attempts.back();
  row.outcome = static_cast<std::uint8_t>(r.result.outcome);
  row.exit_code = r.result.exit_code;
  row.reason = r.result.reason;
  row.log_tail = r.result.log_tail;
  if (r.result.started_at != 0) row.started_at = r.result.started_at;
  row.finished_at = r.result.finished_at != 0 ? r.result.finished_at : r.at;
  row.cpu_ms = r.result.cpu_ms;
  row.memory_peak_bytes = r.result.memory_peak_bytes;
  row.gpu_memory_peak_bytes = r.result.gpu_memory_peak_bytes;
  row.gpus = r.result.gpus;
}

void Ledger::forgive(WorkerRecord& worker) {
  if (worker.host_failures >= kHostFailuresMax) state_.workers.changed();
  worker.host_failures = 0;
}

void Ledger::count_outcome(TaskRun& run, WorkerRecord& worker,
                           const protocol::AttemptResult& result) {
  switch (result.outcome) {
    case Outcome::kSucceeded:
      ++worker.completed;
      forgive(worker);
      break;
    case Outcome::kExitCode:
    case Outcome::kSignal:
    case Outcome::kTimeout:
    case Outcome::kOutOfMemory:
      ++run.failures;
      ++worker.failed;
      forgive(worker);
      break;
    case Outcome::kRuntimeError:
      ++run.runtime_errors;
      run.failed_on.push_back(worker.id);
      ++worker.failed;
      if (result.host_is_well) break;
      worker.host_error = result.reason;
      if (++worker.host_failures == kHostFailuresMax) state_.workers.changed();
      break;
    case Outcome::kInputMissing:
      ++run.missing_inputs;
      break;
    case Outcome::kWorkerLost:
      ++run.losses;
      break;
    case Outcome::kCancelled:
    case Outcome::kReturned:
      // What never started wears nothing out.
      if (result.started_at != 0) ++run.returns;
      break;
  }
}

void Ledger::keep_result(const FoundTask& found, TaskRun& run, WorkerId worker,
                         const protocol::AttemptResult& result) {
  run.cancel_requested = false;  // it was faster
  run.artifact = result.artifact;
  run.artifact_bytes = result.artifact_bytes;
  run.metrics = result.metrics;
  run.evaluation_skipped = result.evaluation_skipped;
  run.image_content = result.image_content;
  run.dataset_content = result.dataset_content;
  drop_checkpoint(run, found.task->id);
  state_.artifacts.add_producer(result.artifact, found.task->id);
  state_.artifacts.add_holder(result.artifact, worker);
}

/// The times are a worker's word: only what can be a duration is learned from.
void Ledger::learn_time(const std::string& tool, const AttemptEnded& r) {
  const protocol::AttemptResult& result = r.result;
  if (result.started_at <= 0 || result.finished_at < result.started_at) return;
  ToolTime* const time = state_.times.open(tool, r.device);
  if (time == nullptr) return;
  if (time->samples > 0) state_.fingerprint -= fingerprint(tool, r.device, *time);
  const bool is_news = time->learn(static_cast<double>(result.finished_at - result.started_at));
  time->learn_size(result.artifact_bytes);
  state_.fingerprint += fingerprint(tool, r.device, *time);
  if (!is_news) return;
  const Duration expected = *state_.times.expected(tool);
  for (const auto& [rank, id] : state_.pipelines.active()) {
    state_.pipelines.find(id)->scheduler->expect(tool, expected);
  }
}

void Ledger::apply(const TaskReopened& r, const Now& now) {
  const auto found = *state_.pipelines.find_task(r.task);
  const TaskChange change_of_task(*this, *found.record, *found.task);
  TaskRun& run = found.record->runs[r.task];
  if (found.task->cached) --found.record->cached;
  run.kept = r.kept;
  run.cancel_requested = false;
  if (!r.kept) {
    ++run.reruns;
    state_.artifacts.remove_producer(run.artifact, r.task);
    run.artifact = {};
    run.cached_from = {};
  }
  update_pause(*found.record, *found.task);  // a kept one is done, and others wait for it
  expect(found.record->scheduler->reopen(r.task));
  found.record->count_change(*found.task, TaskStatus::kCompleted);
  state_.placement_due = true;
  state_.touch(*found.record);
  static_cast<void>(now);
}

void Ledger::apply(const TaskKept& r, const Now& now) {
  const auto found = *state_.pipelines.find_task(r.task);
  const TaskChange change_of_task(*this, *found.record, *found.task);
  found.record->runs[r.task].kept = false;
  expect(found.record->scheduler->complete_cached(r.task));
  update_pause(*found.record, *found.task);
  found.task->cached = number(found.record->runs[r.task].cached_from) != 0;
  if (found.task->cached) ++found.record->cached;
  found.record->count_change(*found.task, TaskStatus::kPending);
  state_.touch(*found.record);
  retire_if_terminal(*found.record, r.at);
  static_cast<void>(now);
}

void Ledger::apply(const TaskFailed& r, const Now& now) {
  const auto found = *state_.pipelines.find_task(r.task);
  const TaskChange change_of_task(*this, *found.record, *found.task);
  const auto consequences = expect(found.record->scheduler->fail_pending(r.task, r.reason));
  found.record->count_change(*found.task, TaskStatus::kPending);
  note_skipped(*found.record, consequences);
  state_.placement_due = true;
  state_.touch(*found.record);
  retire_if_terminal(*found.record, r.at);
  static_cast<void>(now);
}

void Ledger::apply(const CancelRequested& r, const Now& now) {
  static_cast<void>(now);
  state_.placement_due = true;  // what was kept for them is free
  if (is_part(r)) return cancel_part(r);
  if (number(r.task) != 0) {
    const auto found = *state_.pipelines.find_task(r.task);
    const TaskChange change_of_task(*this, *found.record, *found.task);
    if (found.task->status == TaskStatus::kRunning) {
      found.record->runs[r.task].cancel_requested = true;
    } else {
      cancel(found, "cancelled by a user");
    }
    state_.touch(*found.record);
    retire_if_terminal(*found.record, r.at);
    return;
  }
  PipelineRecord& record = *state_.pipelines.find(r.pipeline);
  change(record, [&] {
    record.cancel_requested = true;
    record.paused = false;  // nothing is left to hold back
    record.pauses = {};
  });
  record.scheduler->resume_all();
  for (const auto& task : record.scheduler->cancel_pending("the pipeline was cancelled")) {
    note_moved(record, *task);
  }
  record.runs.for_each([&](RunTable::Entry& entry) {
    if (!entry.run.live()) return;
    const TaskChange change_of_task(*this, record, *record.scheduler->find_task(entry.task));
    entry.run.cancel_requested = true;
  });
  state_.touch(record);
  retire_if_terminal(record, r.at);
}

void Ledger::apply(const PipelineForgotten& r, const Now& now) {
  static_cast<void>(now);
  const PipelineRecord& record = *state_.pipelines.find(r.pipeline);
  CHECK(snapshot_.is_done_with(r.pipeline), "a snapshot shows what was there when it began");
  state_.fingerprint -= fingerprint(record) + fingerprint_of_tasks(record);
  record.runs.for_each([&](const RunTable::Entry& entry) {
    state_.artifacts.remove_producer(entry.run.artifact, entry.task);
    state_.artifacts.remove_producer(entry.run.checkpoint, entry.task);
  });
  const std::string owner = record.owner;
  state_.pipelines.forget(r.pipeline);
  state_.touched.erase(r.pipeline);
  state_.changes.note_forgotten(r.pipeline, owner);
}

void Ledger::apply(const WorkerForgotten& r, const Now& now) {
  static_cast<void>(now);
  state_.fingerprint -= fingerprint(*state_.workers.find(r.worker));
  state_.workers.forget(r.worker);
}

void Ledger::apply(const WorkerDrained& r, const Now& now) {
  static_cast<void>(now);
  WorkerRecord& worker = *state_.workers.find(r.worker);
  state_.fingerprint -= fingerprint(worker);
  worker.drained = r.drained;
  worker.recalled = r.recalled;
  state_.fingerprint += fingerprint(worker);
  state_.workers.changed();
  state_.placement_due = true;
}

void Ledger::apply(const WorkerBound& r, const Now& now) {
  static_cast<void>(now);
  WorkerRecord& worker = *state_.workers.find(r.worker);
  state_.fingerprint -= fingerprint(worker);
  worker.key = r.key;
  state_.fingerprint += fingerprint(worker);
}

void Ledger::finish(const FoundTask& found, TaskStatus status, std::string reason) {
  const auto consequences = expect(
      found.record->scheduler->update_task_status(found.task->id, status, std::move(reason)));
  found.record->count_change(*found.task, TaskStatus::kRunning);
  note_skipped(*found.record, consequences);
  state_.placement_due = true;
}

void Ledger::requeue(const FoundTask& found, bool held) {
  auto consequences = expect(found.record->scheduler->requeue(found.task->id, held));
  found.record->count_change(*found.task, TaskStatus::kRunning);
  // The task itself may have been skipped; that is counted already.
  std::erase(consequences.skipped, found.task);
  note_skipped(*found.record, consequences);
}

void Ledger::cancel(const FoundTask& found, std::string reason) {
  const TaskStatus from = found.task->status;
  const auto consequences =
      expect(found.record->scheduler->cancel(found.task->id, std::move(reason)));
  found.record->count_change(*found.task, from);
  note_skipped(*found.record, consequences);
}

void Ledger::note_skipped(PipelineRecord& record, const domain::Consequences& consequences) {
  for (const domain::TaskPtr& skipped : consequences.skipped) note_moved(record, *skipped);
}

void Ledger::retire_if_terminal(PipelineRecord& record, std::int64_t at) {
  if (!record.terminal() || record.finished_at != 0) return;
  change(record, [&] {
    record.finished_at = at;
    record.paused = false;
    record.pauses = {};
  });
  record.scheduler->resume_all();
  state_.pipelines.retire(record);
  state_.touch(record);
}

}  // namespace landseer::broker
