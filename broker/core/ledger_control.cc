/// Records of what users decide about pipelines that exist: retrying and pausing.
#include <set>

#include "broker/core/ledger.h"
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
  return record->scheduler->retryable_all(record->cancel_requested);
}

Result<void> Ledger::check_control(const Record& record) const {
  if (const auto* retry = std::get_if<RetryRequested>(&record)) {
    const auto tasks = retryable(*retry);
    if (!tasks || tasks->empty()) return contradiction("nothing to retry");
  } else if (const auto* pause = std::get_if<PauseChanged>(&record)) {
    const PipelineRecord* pipeline = state_.pipelines.find(pause->pipeline);
    if (pipeline == nullptr || pipeline->terminal() || pipeline->paused == pause->paused) {
      return contradiction("nothing to pause or resume");
    }
  }
  return check_reuse(record);
}

void Ledger::apply(const RetryRequested& r, const Now& now) {
  static_cast<void>(now);
  const auto tasks = retryable(r);
  CHECK(tasks && !tasks->empty(), "the caller has checked that there is something to retry");
  PipelineRecord& record = *state_.pipelines.find(tasks->front()->pipeline);
  // Of a pause in which it was cancelled: left behind, it would cut the next one short.
  std::set<TaskId> retried;
  for (const domain::TaskPtr& task : *tasks) retried.insert(task->id);
  std::erase_if(state_.held, [&](const auto& entry) { return retried.contains(entry.second); });
  if (record.terminal()) expect_times(record);
  std::vector<domain::TaskStatus> was;
  for (const domain::TaskPtr& task : *tasks) {
    was.push_back(task->status);
    snapshot_.keep(record, *task, task->status);
    state_.fingerprint -= fingerprint(*task, task->status, record.find_run(task->id));
  }
  if (number(r.task) != 0) {
    CHECK(record.scheduler->retry(r.task), "what was planned can be done");
  } else {
    record.scheduler->retry_all(record.cancel_requested);
  }
  for (std::size_t i = 0; i < tasks->size(); ++i) {
    const domain::Task& task = *(*tasks)[i];
    const auto run = record.runs.find(task.id);
    if (run != record.runs.end()) start_anew(run->second);
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
  state_.touch(record);
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

void Ledger::apply(const PauseChanged& r, const Now& now) {
  static_cast<void>(now);
  PipelineRecord& record = *state_.pipelines.find(r.pipeline);
  change(record, [&] { record.paused = r.paused; });
  state_.placement_due = true;
  state_.touch(record);
}

}  // namespace landseer::broker
