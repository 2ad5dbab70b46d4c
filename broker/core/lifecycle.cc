#include "broker/core/lifecycle.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/units.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;
using protocol::AttemptResult;
using protocol::Outcome;

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

/// `out of memory: 3.2GiB at its peak, limit 2GiB`, as far as known.
std::string memory_text(const AttemptResult& result, std::uint64_t limit_bytes) {
  std::string text = "out of memory";
  const char* separator = ": ";
  if (result.memory_peak_bytes > 0) {
    text += separator + format_bytes(result.memory_peak_bytes) + " at its peak";
    separator = ", ";
  }
  if (limit_bytes > 0) text += separator + ("limit " + format_bytes(limit_bytes));
  return text;
}

std::string failure_text(const AttemptResult& result) {
  std::string text = result.reason.empty() ? std::string(to_string(result.outcome)) : result.reason;
  if (!result.log_tail.empty()) text += "; last lines of its log:\n" + result.log_tail;
  return text;
}

void again_unless(AttemptEnded& ended, bool too_often, std::string reason) {
  ended.decision = too_often ? Decision::kFail : Decision::kAgain;
  if (too_often) ended.reason = std::move(reason);
}

}  // namespace

void Lifecycle::assign(const FoundTask& found, const WorkerRecord& worker, const Now& now,
                       Outbox& out) {
  const TaskRun* run = found.record->find_run(found.task->id);
  const auto attempt = run != nullptr ? static_cast<std::uint32_t>(run->attempts.size()) + 1 : 1;
  ledger_.commit(
      AttemptAssigned{
          {state_.settings.epoch, found.task->id, attempt}, worker.id, now.wall.unix_ms},
      now, out);
  state_.joined.erase(found.task->id);  // it waits for nobody, whatever it did before
}

/// The table of docs/architecture.md, "When a task fails". Counts are those before this end.
AttemptEnded Lifecycle::decide(const FoundTask& found, const AttemptResult& result) const {
  const TaskRun& run = *found.record->find_run(found.task->id);
  AttemptEnded ended;
  ended.result = result;
  if (result.outcome == Outcome::kSucceeded) {
    ended.decision = Decision::kComplete;
    if (result.evaluation_skipped) ended.reason = result.reason;
    return ended;
  }
  if (run.cancel_requested || found.record->cancel_requested) {
    ended.decision = Decision::kCancel;
    ended.reason = found.task->reason.empty() ? "cancelled by a user" : found.task->reason.text();
    return ended;
  }
  switch (result.outcome) {
    case Outcome::kSucceeded:
      break;
    case Outcome::kExitCode:
    case Outcome::kSignal:
    case Outcome::kTimeout:
    case Outcome::kOutOfMemory: {
      if (result.outcome == Outcome::kOutOfMemory) {
        const std::uint64_t limit = found.task->options->resources.memory_bytes;
        const std::string said = result.reason.empty() ? "" : " (" + result.reason + ")";
        ended.result.reason = memory_text(result, limit) + said;
      }
      const std::uint32_t failures = reuse_.failures_of_work(found);
      again_unless(ended, failures >= found.task->options->retries, failure_text(ended.result));
      const Duration delay = backoff(failures + 1, state_.settings.seed, found.task->id);
      ended.delay_ms = static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(delay).count());
      break;
    }
    case Outcome::kRuntimeError:
      again_unless(ended, run.runtime_errors + 1 >= kRuntimeErrorsMax,
                   (result.started_at == 0 ? "could not be started: " : "its hosts failed: ") +
                       failure_text(result));
      ended.delay_ms = 1000;  // elsewhere at once would be better; here, not in a tight loop
      break;
    case Outcome::kInputMissing:
      // With a known producer that one's re-runs are counted instead.
      again_unless(
          ended,
          !producer_of(found, result.missing_input) && run.missing_inputs + 1 >= kRuntimeErrorsMax,
          "an input could not be had: " + result.reason);
      break;
    case Outcome::kWorkerLost:
      again_unless(
          ended, run.losses + 1 >= kLossesMax,
          "lost " + std::to_string(run.losses + 1) + " workers; the last: " + result.reason);
      break;
    case Outcome::kCancelled:
    case Outcome::kReturned:
      again_unless(ended, result.started_at != 0 && run.returns + 1 >= kReturnsMax,
                   "given back by workers too often: " + result.reason);
      break;
  }
  return ended;
}

void Lifecycle::end_attempt(const FoundTask& found, const AttemptResult& result, const Now& now,
                            Outbox& out) {
  AttemptEnded ended = decide(found, result);
  ended.at = now.wall.unix_ms;
  const bool again = ended.decision == Decision::kAgain;
  const auto producer = again && result.outcome == Outcome::kInputMissing
                            ? producer_of(found, result.missing_input)
                            : std::nullopt;
  const WorkerId host = found.record->find_run(found.task->id)->worker;
  if (ended.decision == Decision::kComplete) {
    ended.device = device_of(state_.workers.find(host)->offer, found.task->options->resources);
  }
  const auto delay = std::chrono::milliseconds(again ? ended.delay_ms : 0);
  ledger_.commit(std::move(ended), now, out);
  reuse_.attempt_ended(found, delay, now, out);
  if (result.outcome == Outcome::kRuntimeError && !result.host_is_well) {
    tell_of_quarantine(host, out);
  }
  // It may have been skipped instead: then nobody needs the artifact, and the pipeline may be over.
  const bool waits = found.task->status == TaskStatus::kPending;
  if (producer && waits) rerun_producer(*producer, found, now, out);
}

void Lifecycle::tell_of_quarantine(WorkerId host, Outbox& out) const {
  const WorkerRecord& worker = *state_.workers.find(host);
  if (worker.host_failures != kHostFailuresMax) return;
  out.notices.push_back(
      "worker '" + worker.offer.name + "' gets no more work: " + std::to_string(kHostFailuresMax) +
      " attempts in a row could not be started there; the last: " + worker.host_error);
}

void Lifecycle::take_back(const FoundTask& found, Outcome outcome, const std::string& reason,
                          const Now& now, Outbox& out) {
  AttemptResult result;
  result.task = found.task->id;
  result.attempt = found.record->find_run(found.task->id)->attempts.back().attempt;
  result.outcome = outcome;
  result.reason = reason;
  end_attempt(found, result, now, out);
}

std::optional<FoundTask> Lifecycle::producer_of(const FoundTask& found,
                                                const Digest& artifact) const {
  if (artifact.empty()) return std::nullopt;
  for (const TaskId id : found.record->ancestors(*found.task)) {
    const TaskRun* run = found.record->find_run(id);
    if (run != nullptr && run->artifact == artifact) {
      return FoundTask{found.record, found.record->scheduler->find_task(id)};
    }
  }
  return std::nullopt;
}

void Lifecycle::rerun_producer(const FoundTask& producer, const FoundTask& consumer, const Now& now,
                               Outbox& out) {
  PipelineRecord& record = *producer.record;
  if (producer.task->status == TaskStatus::kCompleted) {
    const TaskRun* run = record.find_run(producer.task->id);
    const std::uint32_t reruns = run != nullptr ? run->reruns : 0;
    if (reruns >= kRerunsMax) {
      ledger_.commit(TaskFailed{consumer.task->id,
                                "the artifact of " + to_string(producer.task->id) + " was lost " +
                                    std::to_string(reruns + 1) + " times",
                                now.wall.unix_ms},
                     now, out);
      return;
    }
    ledger_.commit(TaskReopened{producer.task->id, false}, now, out);
  }
  for (const TaskId id : record.ancestors(*consumer.task)) {
    const domain::TaskPtr between = record.scheduler->find_task(id);
    if (between->status != TaskStatus::kCompleted) continue;
    const auto above = record.ancestors(*between);
    if (std::binary_search(above.begin(), above.end(), producer.task->id)) {
      ledger_.commit(TaskReopened{id, true}, now, out);
    }
  }
}

void Lifecycle::fail_for_input(const FoundTask& consumer, const domain::Task& producer,
                               const Now& now, Outbox& out) {
  ledger_.commit(TaskFailed{consumer.task->id,
                            "the artifact of " + to_string(producer.id) +
                                " was lost, and running it again ended as " +
                                std::string(to_string(producer.status)),
                            now.wall.unix_ms},
                 now, out);
}

void Lifecycle::wait_for_input(const FoundTask& found, const Now& now) {
  if (!found.record->scheduler->hold(found.task->id)) return;
  state_.held.emplace(now.instant + kInputRetry, found.task->id);
  state_.joined.erase(found.task->id);  // of an earlier life of the task
}

bool Lifecycle::complete_kept(const FoundTask& found, const Now& now, Outbox& out) {
  const TaskRun* run = found.record->find_run(found.task->id);
  if (run == nullptr || !run->kept) return false;
  ledger_.commit(TaskKept{found.task->id, now.wall.unix_ms}, now, out);
  return true;
}

void Lifecycle::release_held(const Now& now) {
  while (!state_.held.empty() && state_.held.begin()->first <= now.instant) {
    const TaskId id = state_.held.begin()->second;
    state_.held.erase(state_.held.begin());
    const auto found = state_.pipelines.find_task(id);
    // Cancelled, or forgotten, while it waited: nothing to release.
    if (!found || !found->record->scheduler->is_held(id)) continue;
    static_cast<void>(found->record->scheduler->release(id));
    state_.placement_due = true;
    state_.touch(*found->record);
    state_.changes.note(found->record->id(), id);
  }
}

/// Its task is to be cancelled. True if the attempt goes on for another one; else it is stopped.
bool Lifecycle::give_up_attempt(const FoundTask& found, const Now& now, Outbox& out) {
  const TaskId id = found.task->id;
  const auto heir = reuse_.heir(found);
  if (!heir) {
    stop_attempt(*found.record->find_run(id), id, out);
    return false;
  }
  reuse_.bind_heir(found, *heir, now, out);
  ledger_.commit(AttemptHandedOver{id, *heir, now.wall.unix_ms}, now, out);
  reuse_.handed_over(id, *heir);
  return true;
}

void Lifecycle::stop_attempt(const TaskRun& run, TaskId task, Outbox& out) {
  const WorkerRecord& worker = *state_.workers.find(run.worker);
  if (worker.session == 0) return;  // it is asked when it says Hello, or its lease ends
  out.to_workers.push_back(
      {worker.peer, protocol::Stop{worker.session, {worker.attempts.at(task)}}});
}

protocol::Cancelled Lifecycle::cancel_task(const FoundTask& found, const Now& now, Outbox& out) {
  protocol::Cancelled done;
  const auto skipped_before = found.record->scheduler->get_progress().skipped;
  ledger_.commit(CancelRequested{PipelineId{}, found.task->id, now.wall.unix_ms}, now, out);
  if (found.task->status == TaskStatus::kRunning && !give_up_attempt(found, now, out)) {
    done.running = 1;
  } else {
    done.tasks = 1 + found.record->scheduler->get_progress().skipped - skipped_before;
  }
  return done;
}

protocol::Cancelled Lifecycle::cancel_pipeline(PipelineRecord& record, const Now& now,
                                               Outbox& out) {
  protocol::Cancelled done;
  const auto before = record.scheduler->get_progress().cancelled;
  ledger_.commit(CancelRequested{record.id(), TaskId{}, now.wall.unix_ms}, now, out);
  done.tasks = record.scheduler->get_progress().cancelled - before;
  // In the order of the tasks: the same events must give the same mail.
  for (const domain::TaskPtr& task : record.pipeline->tasks) {
    if (task->status != TaskStatus::kRunning) continue;
    if (give_up_attempt({&record, task}, now, out)) {
      ++done.tasks;
    } else {
      ++done.running;
    }
  }
  return done;
}

}  // namespace landseer::broker
