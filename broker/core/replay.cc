/// Reading records back. A store is checked by its own means before; what is checked here is that
/// the records make sense together, so that damage is reported and never reaches a CHECK.
#include "broker/core/ledger.h"
#include "broker/core/submission_builder.h"
#include "common/protocol/codec.h"

namespace landseer::broker {

using domain::TaskStatus;

tl::unexpected<Error> contradiction(const std::string& what) {
  return fail(ErrorCode::kInternal, "a stored record contradicts those before it: " + what,
              "journal", "the store is damaged or was written by a newer version");
}

Result<void> Ledger::check(const Record& record) const {
  auto& pipelines = state_.pipelines;
  const auto task_is = [&](TaskId id, auto&& good) -> Result<void> {
    const auto found = pipelines.find_task(id);
    if (!found) return contradiction("there is no " + to_string(id));
    if (!good(*found)) {
      return contradiction(to_string(id) + " is " + std::string(to_string(found->task->status)));
    }
    return {};
  };
  const auto is_startable = [](const FoundTask& found) {
    return found.record->scheduler->is_ready(found.task->id) ||
           found.record->scheduler->is_held(found.task->id);
  };
  if (const auto* added = std::get_if<PipelineAdded>(&record)) {
    if (number(added->pipeline) != state_.ids.pipeline) return contradiction("the pipeline's id");
    if (sha256(added->body) != added->digest) return contradiction("the submission's digest");
  } else if (const auto* assigned = std::get_if<AttemptAssigned>(&record)) {
    if (state_.workers.find(assigned->worker) == nullptr) return contradiction("unknown worker");
    return task_is(assigned->attempt.task, is_startable);
  } else if (const auto* ended = std::get_if<AttemptEnded>(&record)) {
    if (ended->delay_ms > kDelayMaxMs) return contradiction("how long an attempt is put off");
    return task_is(ended->result.task, [&](const FoundTask& found) {
      const TaskRun* run = found.record->find_run(found.task->id);
      return run != nullptr && run->live() && run->attempts.back().attempt == ended->result.attempt;
    });
  } else if (const auto* reopened = std::get_if<TaskReopened>(&record)) {
    return task_is(reopened->task, [](const FoundTask& found) {
      return found.task->status == TaskStatus::kCompleted;
    });
  } else if (const auto* kept = std::get_if<TaskKept>(&record)) {
    return task_is(kept->task, [](const FoundTask& found) {
      return found.record->scheduler->is_ready(found.task->id);
    });
  } else if (const auto* failed = std::get_if<TaskFailed>(&record)) {
    return task_is(failed->task, [](const FoundTask& found) {
      return found.task->status == TaskStatus::kPending;
    });
  } else if (const auto* cancel = std::get_if<CancelRequested>(&record)) {
    if (number(cancel->task) != 0) {
      return task_is(cancel->task, [](const FoundTask& found) {
        return !domain::is_terminal(found.task->status);
      });
    }
    const PipelineRecord* pipeline = pipelines.find(cancel->pipeline);
    if (pipeline == nullptr || pipeline->terminal()) return contradiction("nothing to cancel");
  } else if (const auto* forgotten = std::get_if<PipelineForgotten>(&record)) {
    const PipelineRecord* pipeline = pipelines.find(forgotten->pipeline);
    if (pipeline == nullptr || !pipeline->terminal()) return contradiction("nothing to forget");
  } else if (const auto* gone = std::get_if<WorkerForgotten>(&record)) {
    const WorkerRecord* worker = state_.workers.find(gone->worker);
    if (worker == nullptr || !worker->attempts.empty()) return contradiction("unknown worker");
  } else if (const auto* drained = std::get_if<WorkerDrained>(&record)) {
    if (state_.workers.find(drained->worker) == nullptr) return contradiction("unknown worker");
  } else if (const auto* bound = std::get_if<WorkerBound>(&record)) {
    const WorkerRecord* worker = state_.workers.find(bound->worker);
    if (worker == nullptr || !worker->key.empty() || bound->key.empty()) {
      return contradiction("no worker without a key");
    }
  }
  return check_control(record);
}

Result<void> Ledger::replay(const Record& record, const Now& now) {
  if (auto good = check(record); !good) return good;
  // The only record whose content can still be wrong; built once, it is too large for twice.
  if (const auto* added = std::get_if<PipelineAdded>(&record)) return add(*added);
  std::visit([&](const auto& r) { apply(r, now); }, record);
  return {};
}

void Ledger::end_replay(const Now& now) {
  for (const auto& [id, known] : state_.workers.all()) {
    WorkerRecord& worker = *state_.workers.find(id);
    state_.workers.await(worker, now);
  }
  state_.workers.changed();
  state_.placement_due = true;
  state_.touched.clear();
  // What followed from them stands in the records behind theirs.
  state_.evaluations_due.clear();
}

}  // namespace landseer::broker
