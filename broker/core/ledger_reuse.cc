/// Records about results that are used again and work that several pipelines want.
#include <algorithm>
#include <set>

#include "broker/core/fingerprint.h"
#include "broker/core/ledger.h"
#include "common/base/check.h"

namespace landseer::broker {

using domain::TaskStatus;

Result<void> Ledger::check_reuse(const Record& record) const {
  auto& pipelines = state_.pipelines;
  if (const auto* bound = std::get_if<ContentBound>(&record)) {
    if (pipelines.find(bound->pipeline) == nullptr || bound->content.empty()) {
      return contradiction("what is bound to a content");
    }
  } else if (const auto* cached = std::get_if<TasksCached>(&record)) {
    return check_hits(*cached);
  } else if (const auto* handed = std::get_if<AttemptHandedOver>(&record)) {
    const auto from = pipelines.find_task(handed->from);
    const auto to = pipelines.find_task(handed->to);
    if (!from || !to || from->record == to->record || from->task->status != TaskStatus::kRunning ||
        to->task->key != from->task->key ||
        !(to->record->scheduler->is_ready(handed->to) ||
          to->record->scheduler->is_held(handed->to))) {
      return contradiction("who goes on with an attempt of " + to_string(handed->from));
    }
  }
  return {};
}

Result<void> Ledger::check_hits(const TasksCached& cached) const {
  const PipelineRecord* record = state_.pipelines.find(cached.pipeline);
  if (record == nullptr) return contradiction("there is no " + to_string(cached.pipeline));
  std::set<TaskId> completed;  // by earlier hits of this record
  for (const TaskHit& hit : cached.tasks) {
    const domain::TaskPtr task = record->scheduler->find_task(hit.task);
    const auto from = state_.pipelines.find_task(hit.from);
    const auto is_completed = [&](TaskId id) {
      return completed.contains(id) ||
             record->scheduler->find_task(id)->status == TaskStatus::kCompleted;
    };
    if (!task || task->status != TaskStatus::kPending || !from ||
        from->task->status != TaskStatus::kCompleted || from->task->key != task->key ||
        !std::all_of(task->dependencies.begin(), task->dependencies.end(), is_completed)) {
      return contradiction("the cached result of " + to_string(hit.task));
    }
    completed.insert(hit.task);
  }
  return {};
}

void Ledger::apply(const ContentBound& r, const Now& now) {
  static_cast<void>(now);
  PipelineRecord& record = *state_.pipelines.find(r.pipeline);
  change(record, [&] {
    if (r.image.empty()) {
      record.dataset_content = r.content;
    } else {
      record.image_contents[r.image] = r.content;
    }
  });
  state_.touch(record);
}

void Ledger::apply(const TasksCached& r, const Now& now) {
  static_cast<void>(now);
  PipelineRecord& record = *state_.pipelines.find(r.pipeline);
  for (const TaskHit& hit : r.tasks) complete_from(record, hit);
  state_.placement_due = true;
  state_.touch(record);
  retire_if_terminal(record, r.at);
}

void Ledger::complete_from(PipelineRecord& record, const TaskHit& hit) {
  const domain::TaskPtr task = record.scheduler->find_task(hit.task);
  const TaskChange change_of_task(*this, record, *task);
  const auto source = *state_.pipelines.find_task(hit.from);
  const TaskRun result = *source.record->find_run(hit.from);
  if (record.scheduler->is_held(hit.task)) {
    CHECK(record.scheduler->release(hit.task), "a held task can be released");
    std::erase_if(state_.held, [&](const auto& entry) { return entry.second == hit.task; });
  }
  state_.joined.erase(hit.task);
  TaskRun& run = record.runs[hit.task];
  state_.artifacts.remove_producer(run.artifact, hit.task);
  drop_checkpoint(run, hit.task);
  run.artifact = result.artifact;
  run.artifact_bytes = result.artifact_bytes;
  run.metrics = result.metrics;
  run.evaluation_skipped = result.evaluation_skipped;
  run.inputs = result.inputs;
  run.image_content = result.image_content;
  run.dataset_content = result.dataset_content;
  run.cached_from = hit.from;
  run.backoff_ms = 0;
  run.kept = false;
  state_.artifacts.add_producer(run.artifact, hit.task);
  CHECK(record.scheduler->complete_cached(hit.task), "the caller has checked that it is ready");
  update_pause(record, *task);  // it may have been kept
  if (run.evaluation_skipped) task->reason = source.task->reason;
  ++record.cached;
  record.count_change(*task, TaskStatus::kPending);
  note_evaluation(record, *task);
}

void Ledger::apply(const AttemptHandedOver& r, const Now& now) {
  const auto from = *state_.pipelines.find_task(r.from);
  const auto to = *state_.pipelines.find_task(r.to);
  TaskRun& given = from.record->runs[r.from];
  WorkerRecord& worker = *state_.workers.find(given.worker);
  const protocol::AttemptRef attempt = worker.attempts.at(r.from);
  protocol::AttemptRow row = given.attempts.back();
  const Digest inputs = given.inputs;
  const std::uint32_t request = worker.request_of(*from.task);
  {
    const TaskChange change_of_task(*this, *from.record, *from.task);
    worker.attempts.erase(r.from);
    worker.inherited.erase(r.from);
    given.worker = WorkerId{};
    given.attempts.back().outcome = static_cast<std::uint8_t>(protocol::Outcome::kCancelled);
    const bool is_same_owner = from.record->owner == to.record->owner;
    given.attempts.back().reason =
        "goes on for " + (is_same_owner ? to_string(r.to) : "a task of another owner");
    given.attempts.back().finished_at = r.at;
    cancel(from, from.task->reason.empty() ? "cancelled by a user" : from.task->reason.text());
  }
  {
    const TaskChange change_of_task(*this, *to.record, *to.task);
    if (to.record->scheduler->is_held(r.to)) {
      CHECK(to.record->scheduler->release(r.to), "a held task can be released");
      std::erase_if(state_.held, [&](const auto& entry) { return entry.second == r.to; });
    }
    CHECK(to.record->scheduler->start(r.to), "the caller has checked that it is ready");
    to.record->count_change(*to.task, TaskStatus::kPending);
    TaskRun& run = to.record->runs[r.to];
    row.attempt = static_cast<std::uint32_t>(run.attempts.size()) + 1;
    row.origin_task = attempt.task;
    row.origin_attempt = attempt.attempt;
    run.attempts.push_back(row);
    run.worker = worker.id;
    run.inputs = inputs;
    run.backoff_ms = 0;
    worker.attempts.emplace(r.to, attempt);
    worker.inherited.emplace(r.to, request);  // the process has what it has
    state_.handed_over[attempt] = r.to;
  }
  if (to.record->first_started_at == 0) {
    change(*to.record, [&] { to.record->first_started_at = r.at; });
  }
  state_.placement_due = true;
  state_.touch(*from.record);
  state_.touch(*to.record);
  retire_if_terminal(*from.record, r.at);
  static_cast<void>(now);
}

void Ledger::keep_checkpoint(TaskRun& run, TaskId task, WorkerId worker,
                             const protocol::AttemptResult& result) {
  if (result.checkpoint.empty()) return;
  drop_checkpoint(run, task);
  run.checkpoint = result.checkpoint;
  run.checkpoint_bytes = result.checkpoint_bytes;
  state_.artifacts.add_producer(run.checkpoint, task);
  state_.artifacts.add_holder(run.checkpoint, worker);
}

void Ledger::drop_checkpoint(TaskRun& run, TaskId task) {
  // A task that leaves its checkpoint as its result has one artifact, not two.
  if (run.checkpoint != run.artifact) state_.artifacts.remove_producer(run.checkpoint, task);
  run.checkpoint = {};
  run.checkpoint_bytes = 0;
}

}  // namespace landseer::broker
