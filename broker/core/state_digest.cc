#include "broker/core/state_digest.h"

#include <algorithm>
#include <bit>

namespace landseer::broker {
namespace {

void add(Hasher& hasher, std::string_view text) {
  hasher.update(std::to_string(text.size()));
  hasher.update(":");
  hasher.update(text);
}

template <class... Numbers>
void add_numbers(Hasher& hasher, Numbers... numbers) {
  (add(hasher, std::to_string(numbers)), ...);
}

void add_run(Hasher& hasher, const TaskRun& run) {
  add_numbers(hasher, number(run.worker), run.failures, run.losses, run.runtime_errors, run.returns,
              run.missing_inputs, run.reruns, int{run.cancel_requested},
              int{run.evaluation_skipped}, int{run.kept}, run.artifact_bytes);
  add(hasher, run.artifact.hex());
  for (const Digest* digest :
       {&run.inputs, &run.image_content, &run.dataset_content, &run.checkpoint}) {
    add(hasher, digest->hex());
  }
  add_numbers(hasher, number(run.cached_from));
  add(hasher, run.metrics);
  for (const protocol::AttemptRow& row : run.attempts) {
    add_numbers(hasher, row.attempt, row.outcome, row.exit_code, row.assigned_at, row.finished_at,
                number(row.origin_task), row.origin_attempt);
    add(hasher, row.worker);
    add(hasher, row.reason);
  }
}

/// A task that waits for its dependencies may be held besides; that is not found again. Nor is it
/// that a paused one waits for its next attempt.
bool is_startable(const PipelineRecord& record, const domain::Task& task) {
  if (record.scheduler->is_ready(task.id)) return true;
  const auto is_completed = [&](TaskId id) {
    return record.scheduler->find_task(id)->status == domain::TaskStatus::kCompleted;
  };
  if (task.status != domain::TaskStatus::kPending) return false;
  return (record.scheduler->is_held(task.id) || record.scheduler->is_paused(task.id)) &&
         std::all_of(task.dependencies.begin(), task.dependencies.end(), is_completed);
}

void add_pipeline(Hasher& hasher, const PipelineRecord& record) {
  add_numbers(hasher, number(record.id()), record.priority, record.submitted_at, record.finished_at,
              record.workflows_completed, int{record.cancel_requested}, int{record.paused});
  add_numbers(hasher, record.cached, record.pruned);
  for (const Pruning& sum : record.stop.prunings) {
    add_numbers(hasher, sum.times, sum.tasks, sum.saved_ms, sum.gpu_ms, sum.unknown);
  }
  for (const std::uint32_t index : record.cancelled_workflows) add_numbers(hasher, index);
  for (const std::string& tool : record.pauses.tools) add(hasher, tool);
  for (const std::uint32_t index : record.pauses.workflows) add_numbers(hasher, index);
  for (const TaskId task : record.pauses.tasks) add_numbers(hasher, number(task));
  add(hasher, record.dataset_content.hex());
  for (const auto& [image, content] : record.image_contents) {
    add(hasher, image);
    add(hasher, content.hex());
  }
  add(hasher, record.submission_id);
  add(hasher, record.owner);
  add(hasher, record.submission_digest.hex());
  for (const domain::TaskPtr& task : record.pipeline->tasks) {
    add_numbers(hasher, number(task->id), static_cast<int>(task->status), task->priority,
                int{task->cached}, int{task->pruned}, int{is_startable(record, *task)},
                int{record.scheduler->is_paused(task->id)});
    add(hasher, task->key.hex());
    add(hasher, task->reason.text());
    if (const TaskRun* run = record.find_run(task->id)) add_run(hasher, *run);
  }
}

}  // namespace

Digest state_digest(const State& state) {
  Hasher hasher;
  add_numbers(hasher, state.ids.task, state.ids.workflow, state.ids.pipeline);
  for (const auto& [id, record] : state.pipelines.all()) add_pipeline(hasher, *record);
  for (const auto& [id, worker] : state.workers.all()) {
    add_numbers(hasher, number(id), worker.completed, worker.failed, worker.drained,
                worker.recalled);
    add(hasher, worker.offer.uid);
    add(hasher, worker.key);
    for (const auto& [task, attempt] : worker.attempts) {
      add_numbers(hasher, attempt.epoch, number(task), attempt.attempt);
    }
  }
  for (const auto& [tool, device, time] : state.times.rows()) {
    add(hasher, tool);
    add(hasher, device);
    add_numbers(hasher, std::bit_cast<std::uint64_t>(time.mean_ms), time.samples, time.expected_ms,
                std::bit_cast<std::uint64_t>(time.variance_ms2), time.variance_samples,
                std::bit_cast<std::uint64_t>(time.mean_bytes), time.bytes_samples);
  }
  return hasher.finish();
}

}  // namespace landseer::broker
