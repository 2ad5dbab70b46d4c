/// Records of what users decide about pipelines that exist: retrying, changing their order and
/// cancelling parts of them; and of what their rules decide.
#include <algorithm>
#include <set>

#include "broker/core/ledger.h"
#include "broker/core/reported.h"
#include "common/base/check.h"

namespace landseer::broker {
namespace {

/// What a retry forgets: the counts that lead to giving up. The attempts stay.
void start_anew(TaskRun& run) {
  run.failures = 0;
  run.losses = 0;
  run.runtime_errors = 0;
  run.returns = 0;
  run.missing_inputs = 0;
  run.reruns = 0;
  run.failed_on.clear();
  run.backoff_ms = 0;
  run.cancel_requested = false;
}

}  // namespace

Result<std::vector<domain::TaskPtr>> Ledger::retryable(const RetryRequested& r) const {
  if (number(r.task) != 0) {
    const auto found = state_.pipelines.find_task(r.task);
    if (!found) return contradiction("there is no " + to_string(r.task));
    return found->record->scheduler->retryable(r.task);
  }
  const PipelineRecord* record = state_.pipelines.find(r.pipeline);
  if (record == nullptr) return contradiction("there is no " + to_string(r.pipeline));
  if (is_part(r)) {
    return record->scheduler->retryable_part(tasks_of_part(*record, r));
  }
  return record->scheduler->retryable_all(record->cancel_requested);
}

Result<void> Ledger::check_control(const Record& record) const {
  if (const auto* retry = std::get_if<RetryRequested>(&record)) {
    if (!has_effect(*retry)) return contradiction("nothing to retry");
  } else if (const auto* cancel = std::get_if<CancelRequested>(&record)) {
    if (is_part(*cancel)) {
      return check_part(state_.pipelines.find(cancel->pipeline), cancel->workflows);
    }
  } else if (const auto* priority = std::get_if<PriorityChanged>(&record)) {
    const PipelineRecord* pipeline = state_.pipelines.find(priority->pipeline);
    if (pipeline == nullptr || pipeline->terminal()) return contradiction("nothing to move");
  } else if (const auto* pruned = std::get_if<TasksPruned>(&record)) {
    return check_pruned(*pruned);
  } else if (const auto* pause = std::get_if<PauseChanged>(&record)) {
    const PipelineRecord* pipeline = state_.pipelines.find(pause->pipeline);
    if (pipeline == nullptr || pipeline->terminal() || pipeline->paused == pause->paused) {
      return contradiction("nothing to pause or resume");
    }
  } else if (const auto* part = std::get_if<PartPauseChanged>(&record)) {
    return check_pause(*part);
  }
  return check_reuse(record);
}

void Ledger::apply(const RetryRequested& r, const Now& now) {
  static_cast<void>(now);
  const auto tasks = retryable(r);
  CHECK(tasks && has_effect(r), "the caller has checked that there is something to retry");
  PipelineRecord& record = number(r.task) != 0 ? *state_.pipelines.find_task(r.task)->record
                                               : *state_.pipelines.find(r.pipeline);
  forget_cancellation(record, r);
  state_.touch(record);
  if (tasks->empty()) return;
  // Of a pause in which it was cancelled: left behind, it would cut the next one short.
  std::set<TaskId> retried;
  for (const domain::TaskPtr& task : *tasks) retried.insert(task->id);
  std::erase_if(state_.held, [&](const auto& entry) { return retried.contains(entry.second); });
  if (record.terminal()) expect_times(record);
  std::vector<domain::TaskStatus> was;
  for (const domain::TaskPtr& task : *tasks) {
    was.push_back(task->status);
    if (task->status == domain::TaskStatus::kCancelled && task->pruned) --record.pruned;
    snapshot_.keep(record, *task, task->status);
    state_.fingerprint -= fingerprint(*task, task->status, record.find_run(task->id));
  }
  if (number(r.task) != 0) {
    CHECK(record.scheduler->retry(r.task), "what was planned can be done");
  } else if (is_part(r)) {
    record.scheduler->retry_part(tasks_of_part(record, r));
  } else {
    record.scheduler->retry_all(record.cancel_requested);
  }
  for (std::size_t i = 0; i < tasks->size(); ++i) {
    const domain::Task& task = *(*tasks)[i];
    if (TaskRun* run = record.runs.find(task.id)) start_anew(*run);
    record.count_change(task, was[i]);
    state_.changes.note(record.id(), task.id);
    state_.fingerprint += fingerprint(task, task.status, record.find_run(task.id));
  }
  change(record, [&] {
    record.finished_at = 0;
    record.cancel_requested = false;
  });
  state_.pipelines.revive(record);
  state_.placement_due = true;
}

bool Ledger::has_effect(const RetryRequested& r) const {
  const auto tasks = retryable(r);
  if (!tasks) return false;
  if (!tasks->empty()) return true;
  const PipelineRecord* record = state_.pipelines.find(r.pipeline);
  if (record == nullptr || r.workflows.empty()) return false;
  const auto indices = workflow_indices(*record, r.workflows);
  return std::any_of(indices.begin(), indices.end(), [&](std::uint32_t index) {
    return record->cancelled_workflows.contains(index);
  });
}

/// What is retried is wanted again, and a rule that held does not end it at once.
void Ledger::forget_cancellation(PipelineRecord& record, const RetryRequested& r) {
  const bool enough = record.stop.after > 0 && record.workflows_completed >= record.stop.after;
  change(record, [&] {
    if (number(r.task) == 0 && !is_part(r) && record.cancel_requested) {
      record.cancelled_workflows.clear();
    }
    for (const std::uint32_t index : workflow_indices(record, r.workflows)) {
      record.cancelled_workflows.erase(index);
    }
    if (enough && !record.stop.stopped()) ++record.stop.prunings[0].times;
  });
  update_pauses_of(record, r.workflows);
}

/// What was learned since the pipeline was over.
void Ledger::expect_times(PipelineRecord& record) {
  if (!record.scheduler->is_live()) return;
  std::set<std::string> tools;
  for (const domain::TaskPtr& task : record.pipeline->tasks) tools.insert(task->tool->name);
  for (const std::string& tool : tools) {
    const auto expected = state_.times.expected(tool);
    if (expected) record.scheduler->expect(tool, *expected);
  }
}

Result<void> Ledger::check_part(const PipelineRecord* record,
                                const std::vector<protocol::WorkflowRange>& workflows) const {
  const bool is_there =
      record != nullptr && !record->terminal() &&
      std::all_of(workflows.begin(), workflows.end(), [&](const protocol::WorkflowRange& range) {
        return range.first <= range.last && record->index_of(range.first) &&
               record->index_of(range.last);
      });
  if (!is_there) return contradiction("no such part of a pipeline that goes on");
  return {};
}

Result<void> Ledger::check_pruned(const TasksPruned& r) const {
  const PipelineRecord* record = state_.pipelines.find(r.pipeline);
  if (record == nullptr || record->terminal() || r.rule >= record->stop.prunings.size()) {
    return contradiction("no such rule of a pipeline that goes on");
  }
  const bool are_open = std::all_of(r.tasks.begin(), r.tasks.end(), [&](TaskId id) {
    const domain::TaskPtr task = record->scheduler->find_task(id);
    return task && !domain::is_terminal(task->status);
  });
  if (!are_open) return contradiction("tasks that are over are pruned");
  return {};
}

void Ledger::apply(const PriorityChanged& r, const Now& now) {
  static_cast<void>(now);
  PipelineRecord& record = *state_.pipelines.find(r.pipeline);
  change(record, [&] { state_.pipelines.set_priority(record, r.priority); });
  state_.placement_due = true;
  state_.touch(record);
}

void Ledger::cancel_part(const CancelRequested& r) {
  PipelineRecord& record = *state_.pipelines.find(r.pipeline);
  const CancelPlan plan = plan_cancel(record, r);
  if (!r.workflows.empty()) {
    change(record, [&] {
      for (const std::uint32_t index : workflow_indices(record, r.workflows)) {
        record.cancelled_workflows.insert(index);
      }
    });
    update_pauses_of(record, r.workflows);
  }
  give_up(record, plan.pending, plan.running, plan.reason, false);
  retire_if_terminal(record, r.at);
}

void Ledger::apply(const TasksPruned& r, const Now& now) {
  static_cast<void>(now);
  state_.placement_due = true;  // what was kept for them is free
  PipelineRecord& record = *state_.pipelines.find(r.pipeline);
  std::vector<domain::TaskPtr> pending;
  std::vector<domain::TaskPtr> running;
  for (const TaskId id : r.tasks) {
    domain::TaskPtr task = record.scheduler->find_task(id);
    const bool runs = task->status == domain::TaskStatus::kRunning;
    (runs ? running : pending).push_back(std::move(task));
  }
  change(record, [&] {
    Pruning& sum = record.stop.prunings[r.rule];
    if (r.first) ++sum.times;
    sum.tasks += r.tasks.size();
    sum.saved_ms += r.saved_ms;
    sum.gpu_ms += r.gpu_ms;
    sum.unknown += r.unknown;
  });
  give_up(record, pending, running, r.reason, true);
  retire_if_terminal(record, r.at);
}

void Ledger::give_up(PipelineRecord& record, const std::vector<domain::TaskPtr>& pending,
                     const std::vector<domain::TaskPtr>& running, const std::string& reason,
                     bool pruned) {
  for (const domain::TaskPtr& task : running) {
    const TaskChange change_of_task(*this, record, *task);
    record.runs[task->id].cancel_requested = true;
    task->reason = reason;  // of its end, which is to come
    task->pruned = pruned;
  }
  const auto consequences = record.scheduler->cancel_tasks(pending, reason, pruned);
  for (const domain::TaskPtr& task : pending) note_moved(record, *task);
  note_skipped(record, consequences);
  state_.placement_due = true;
  state_.touch(record);
}

/// Its rules are asked once the records of these events are complete; see Pruner.
void Ledger::note_evaluation(PipelineRecord& record, const domain::Task& task) {
  if (record.stop.when.empty() || task.type != domain::TaskType::kEvaluation) return;
  state_.evaluations_due.push_back(task.id);
  note_reported(record.stop, task, *record.find_run(task.id));
}

}  // namespace landseer::broker
