#include "broker/core/lifecycle.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;
using protocol::AttemptResult;
using protocol::Outcome;

/// A scheduler's refusal here would mean that two tables disagree.
template <class T>
T expect(Result<T> result) {
  if (!result) check_failed(__FILE__, __LINE__, result.error().message.c_str(), "tables agree");
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// 1 s doubling to 5 min, plus up to a quarter, spread by a mix of the arguments (splitmix64).
Duration backoff(std::uint32_t failures, std::uint64_t seed, TaskId task) {
  Duration delay = kBackoffFirst;
  for (std::uint32_t i = 1; i < failures && delay < kBackoffMax; ++i) delay *= 2;
  delay = std::min(delay, kBackoffMax);
  std::uint64_t mix = seed + number(task) * 0x9E3779B97F4A7C15ull + failures;
  mix = (mix ^ (mix >> 30)) * 0xBF58476D1CE4E5B9ull;
  mix ^= mix >> 27;
  return delay + delay / 4 * static_cast<std::int64_t>(mix % 1024) / 1024;
}

std::string failure_text(const AttemptResult& result) {
  std::string text = result.reason.empty() ? std::string(to_string(result.outcome)) : result.reason;
  if (!result.log_tail.empty()) text += "; last lines of its log:\n" + result.log_tail;
  return text;
}

}  // namespace

void Lifecycle::assign(const FoundTask& found, WorkerRecord& worker, const Now& now, Outbox& out) {
  PipelineRecord& record = *found.record;
  expect(record.scheduler->start(found.task->id));
  record.count_change(*found.task, TaskStatus::kPending);
  TaskRun& run = record.runs[found.task->id];
  protocol::AttemptRow row;
  row.attempt = static_cast<std::uint32_t>(run.attempts.size()) + 1;
  row.worker = worker.offer.name;
  row.assigned_at = now.wall.unix_ms;
  run.attempts.push_back(std::move(row));
  run.worker = worker.id;
  worker.attempts.emplace(found.task->id,
                          protocol::AttemptRef{state_.settings.epoch, found.task->id,
                                               run.attempts.back().attempt});
  worker.reserve(state_.requests.at(found.task->request));
  if (record.first_started_at == 0) record.first_started_at = now.wall.unix_ms;
  out.records.push_back(
      AttemptAssigned{found.task->id, run.attempts.back().attempt, worker.id, now.wall.unix_ms});
  state_.touch(record);
}

void Lifecycle::end_attempt(const FoundTask& found, const AttemptResult& result, const Now& now,
                            Outbox& out) {
  TaskRun& run = found.record->runs[found.task->id];
  CHECK(run.live() && run.attempts.back().attempt == result.attempt, "only the live attempt ends");
  WorkerRecord& worker = *state_.workers.find(run.worker);
  worker.attempts.erase(found.task->id);
  worker.release(state_.requests.at(found.task->request));
  run.worker = WorkerId{};
  protocol::AttemptRow& row = run.attempts.back();
  row.outcome = static_cast<std::uint8_t>(result.outcome);
  row.exit_code = result.exit_code;
  row.reason = result.reason;
  row.log_tail = result.log_tail;
  if (result.started_at != 0) row.started_at = result.started_at;
  row.finished_at = result.finished_at != 0 ? result.finished_at : now.wall.unix_ms;
  row.cpu_ms = result.cpu_ms;
  row.memory_peak_bytes = result.memory_peak_bytes;
  out.records.push_back(AttemptEnded{result, now.wall.unix_ms});
  state_.placement_due = true;

  const bool cancelling = run.cancel_requested || found.record->cancel_requested;
  if (result.outcome == Outcome::kSucceeded) {
    ++worker.completed;
    worker.host_failures = 0;
    if (!result.artifact.empty()) {
      auto& holders = state_.holders[result.artifact];
      if (std::find(holders.begin(), holders.end(), worker.id) == holders.end()) {
        holders.push_back(worker.id);
      }
    }
    complete(found, result);
  } else if (cancelling) {
    cancel_now(found);
  } else {
    switch (result.outcome) {
      case Outcome::kExitCode:
      case Outcome::kSignal:
      case Outcome::kTimeout:
      case Outcome::kOutOfMemory:
        ++worker.failed;
        worker.host_failures = 0;
        after_task_failure(found, result, now);
        break;
      case Outcome::kRuntimeError:
        ++worker.failed;
        if (++worker.host_failures >= kHostFailuresMax) state_.workers.changed();
        again_or_give_up(found, ++run.runtime_errors, kRuntimeErrorsMax,
                         "could not be started: " + failure_text(result), now);
        break;
      case Outcome::kInputMissing:
        after_missing_input(found, result, now, out);
        break;
      case Outcome::kWorkerLost:
        ++run.losses;
        again_or_give_up(
            found, run.losses, kLossesMax,
            "lost " + std::to_string(run.losses) + " workers; the last: " + result.reason, now);
        break;
      case Outcome::kCancelled:
      case Outcome::kReturned:
        again_or_give_up(found, ++run.returns, kReturnsMax,
                         "given back by workers too often: " + result.reason, now);
        break;
      case Outcome::kSucceeded:
        break;
    }
  }
  retire_if_terminal(*found.record, now);
}

void Lifecycle::take_back(const FoundTask& found, Outcome outcome, const std::string& reason,
                          const Now& now, Outbox& out) {
  AttemptResult result;
  result.task = found.task->id;
  result.attempt = found.record->runs[found.task->id].attempts.back().attempt;
  result.outcome = outcome;
  result.reason = reason;
  end_attempt(found, result, now, out);
}

void Lifecycle::complete(const FoundTask& found, const AttemptResult& result) {
  TaskRun& run = found.record->runs[found.task->id];
  run.artifact = result.artifact;
  run.artifact_bytes = result.artifact_bytes;
  run.metrics = result.metrics;
  run.evaluation_skipped = result.evaluation_skipped;
  const double ran_ms =
      static_cast<double>(std::max<std::int64_t>(result.finished_at - result.started_at, 0));
  ToolTiming& timing = state_.timings[found.task->tool->name];
  ++timing.samples;
  // The last eight or so decide: tools of one name behave alike, but not for ever.
  const double weight = timing.samples < 8 ? 1.0 / static_cast<double>(timing.samples) : 1.0 / 8;
  timing.mean_ms += (ran_ms - timing.mean_ms) * weight;
  finish(found, TaskStatus::kCompleted, result.evaluation_skipped ? result.reason : std::string{});
}

void Lifecycle::after_task_failure(const FoundTask& found, const AttemptResult& result,
                                   const Now& now) {
  TaskRun& run = found.record->runs[found.task->id];
  ++run.failures;
  if (run.failures > found.task->options->retries) {
    finish(found, TaskStatus::kFailed, failure_text(result));
    return;
  }
  requeue(found, backoff(run.failures, state_.settings.seed, found.task->id), now);
}

void Lifecycle::after_missing_input(const FoundTask& found, const AttemptResult& result,
                                    const Now& now, Outbox& out) {
  // Whoever was thought to hold it could not deliver.
  state_.holders.erase(result.missing_input);
  std::optional<FoundTask> producer;
  for (const TaskId id : found.record->ancestors(*found.task)) {
    const TaskRun* run = found.record->find_run(id);
    if (result.missing_input.empty() || run == nullptr || run->artifact != result.missing_input) {
      continue;
    }
    producer = FoundTask{found.record, found.record->scheduler->find_task(id)};
    break;
  }
  TaskRun& run = found.record->runs[found.task->id];
  if (!producer) {
    again_or_give_up(found, ++run.runtime_errors, kRuntimeErrorsMax,
                     "an input could not be had: " + result.reason, now);
    return;
  }
  requeue(found, Duration::zero(), now);
  rerun_producer(*producer, found, now, out);
}

void Lifecycle::rerun_producer(const FoundTask& producer, const FoundTask& consumer, const Now& now,
                               Outbox& out) {
  PipelineRecord& record = *producer.record;
  TaskRun& run = record.runs[producer.task->id];
  if (producer.task->status == TaskStatus::kCompleted) {
    if (run.reruns >= kRerunsMax) {
      expect(record.scheduler->start(consumer.task->id));
      record.count_change(*consumer.task, TaskStatus::kPending);
      finish(consumer, TaskStatus::kFailed,
             "the artifact of " + to_string(producer.task->id) + " was lost " +
                 std::to_string(run.reruns + 1) + " times");
      retire_if_terminal(record, now);
      return;
    }
    ++run.reruns;
    run.artifact = {};
    reopen(producer, /*kept=*/false, out);
  }
  for (const TaskId id : record.ancestors(*consumer.task)) {
    const domain::TaskPtr between = record.scheduler->find_task(id);
    if (between->status != TaskStatus::kCompleted) continue;
    const auto above = record.ancestors(*between);
    if (std::binary_search(above.begin(), above.end(), producer.task->id)) {
      reopen({&record, between}, /*kept=*/true, out);
    }
  }
}

void Lifecycle::reopen(const FoundTask& found, bool kept, Outbox& out) {
  found.record->runs[found.task->id].kept = kept;
  expect(found.record->scheduler->reopen(found.task->id));
  found.record->count_change(*found.task, TaskStatus::kCompleted);
  out.records.push_back(TaskReopened{found.task->id});
  state_.placement_due = true;
  state_.touch(*found.record);
}

bool Lifecycle::complete_kept(const FoundTask& found, const Now& now) {
  const auto run = found.record->runs.find(found.task->id);
  if (run == found.record->runs.end() || !run->second.kept) return false;
  run->second.kept = false;
  expect(found.record->scheduler->complete_cached(found.task->id));
  found.task->cached = false;
  found.record->count_change(*found.task, TaskStatus::kPending);
  state_.touch(*found.record);
  retire_if_terminal(*found.record, now);
  return true;
}

void Lifecycle::again_or_give_up(const FoundTask& found, std::uint32_t count,
                                 std::uint32_t count_max, const std::string& reason,
                                 const Now& now) {
  if (count >= count_max) {
    finish(found, TaskStatus::kFailed, reason);
  } else {
    requeue(found, Duration::zero(), now);
  }
}

void Lifecycle::finish(const FoundTask& found, TaskStatus status, std::string reason) {
  auto consequences = expect(
      found.record->scheduler->update_task_status(found.task->id, status, std::move(reason)));
  found.record->count_change(*found.task, TaskStatus::kRunning);
  note_skipped(*found.record, consequences);
  state_.placement_due = true;
  state_.touch(*found.record);
}

void Lifecycle::cancel_now(const FoundTask& found) {
  const TaskStatus from = found.task->status;
  auto consequences =
      expect(found.record->scheduler->cancel(found.task->id, "cancelled by a user"));
  found.record->count_change(*found.task, from);
  note_skipped(*found.record, consequences);
  state_.touch(*found.record);
}

void Lifecycle::requeue(const FoundTask& found, Duration delay, const Now& now) {
  const bool hold = delay > Duration::zero();
  expect(found.record->scheduler->requeue(found.task->id, hold));
  found.record->count_change(*found.task, TaskStatus::kRunning);
  if (hold) state_.held.emplace(now.instant + delay, found.task->id);
  state_.placement_due = true;
  state_.touch(*found.record);
}

void Lifecycle::release_held(const Now& now) {
  while (!state_.held.empty() && state_.held.begin()->first <= now.instant) {
    const TaskId id = state_.held.begin()->second;
    state_.held.erase(state_.held.begin());
    const auto found = state_.pipelines.find_task(id);
    // Cancelled while it waited: nothing to release.
    if (!found || found->task->status != TaskStatus::kPending) continue;
    expect(found->record->scheduler->release(id));
    state_.placement_due = true;
    state_.touch(*found->record);
  }
}

void Lifecycle::note_skipped(PipelineRecord& record, const domain::Consequences& consequences) {
  for (const domain::TaskPtr& skipped : consequences.skipped) {
    record.count_change(*skipped, TaskStatus::kPending);
  }
}

void Lifecycle::retire_if_terminal(PipelineRecord& record, const Now& now) {
  if (!record.terminal() || record.finished_at != 0) return;
  record.finished_at = now.wall.unix_ms;
  state_.pipelines.retire(record);
  state_.touch(record);
}

void Lifecycle::stop_attempt(const FoundTask& found, TaskRun& run, Outbox& out) {
  run.cancel_requested = true;
  const WorkerRecord& worker = *state_.workers.find(run.worker);
  if (worker.session == 0) return;  // it is asked when it says Hello, or its lease ends
  out.to_workers.push_back(
      {worker.peer,
       protocol::Stop{worker.session, {worker.attempts.at(found.task->id)}}});
}

protocol::Cancelled Lifecycle::cancel_task(const FoundTask& found, const Now& now, Outbox& out) {
  protocol::Cancelled done;
  out.records.push_back(CancelRequested{PipelineId{}, found.task->id, now.wall.unix_ms});
  if (found.task->status == TaskStatus::kRunning) {
    stop_attempt(found, found.record->runs[found.task->id], out);
    done.running = 1;
  } else {
    const auto skipped_before = found.record->scheduler->get_progress().skipped;
    cancel_now(found);
    done.tasks = 1 + found.record->scheduler->get_progress().skipped - skipped_before;
  }
  retire_if_terminal(*found.record, now);
  return done;
}

protocol::Cancelled Lifecycle::cancel_pipeline(PipelineRecord& record, const Now& now,
                                               Outbox& out) {
  protocol::Cancelled done;
  out.records.push_back(CancelRequested{record.id(), TaskId{}, now.wall.unix_ms});
  record.cancel_requested = true;
  const auto cancelled = record.scheduler->cancel_pending("the pipeline was cancelled");
  for (const domain::TaskPtr& task : cancelled) {
    record.count_change(*task, TaskStatus::kPending);
    ++done.tasks;
  }
  for (const domain::TaskPtr& task : record.pipeline->tasks) {
    if (task->status != TaskStatus::kRunning) continue;
    stop_attempt({&record, task}, record.runs[task->id], out);
    ++done.running;
  }
  state_.touch(record);
  retire_if_terminal(record, now);
  return done;
}

}  // namespace landseer::broker
