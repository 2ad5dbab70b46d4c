#include "broker/core/explain.h"

#include <algorithm>

#include "broker/core/explain_parts.h"
#include "broker/core/pauses.h"
#include "broker/core/pruner.h"
#include "broker/core/queries.h"
#include "common/base/units.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;

/// Tasks looked at to find when one is tried again.
constexpr std::size_t kHeldLooksMax = 20'000;

/// What is told of a task that is none of the caller's.
const std::string kForeign = "a task of another owner";

std::string name_of(const PipelineRecord& record, const domain::Task& task) {
  return task_text(task) + " of " + to_string(record.id());
}

std::string retry_text(TaskId id) { return "`landseer retry " + to_string(id) + "`"; }

/// `attempt 2 on w1`
std::string attempt_text(const FoundTask& found) {
  const TaskRun* run = found.record->find_run(found.task->id);
  if (run == nullptr || run->attempts.empty()) return {};
  const protocol::AttemptRow& last = run->attempts.back();
  return "attempt " + std::to_string(last.attempt) + " on " + last.worker;
}

void explain_joined(const Question& question, TaskId leader, protocol::Explanation& out) {
  const auto found = question.state.pipelines.find_task(leader);
  const bool is_named = sees(question.caller, question.state.pipelines, leader);
  out.summary = "it waits for " +
                (is_named ? to_string(leader) + " of another pipeline" : kForeign) +
                ", which does the same work now";
  wait_for(question, leader, out);
  if (!found) return;
  const std::string text = (is_named ? name_of(*found->record, *found->task) : kForeign) +
                           " does the same work: " + attempt_text(*found) +
                           "; its result is this one's too";
  name_condition(out, {"joined", text, {}, 0, false}, text);
  set_change(out, "wait", "wait: " + task_text(question, leader) + " ends");
}

std::optional<Instant> tried_again_at(const State& state, TaskId id) {
  std::size_t looks = 0;
  for (const auto& [at, task] : state.held) {
    if (task == id) return at;
    if (++looks >= kHeldLooksMax) break;
  }
  return std::nullopt;
}

void explain_held(const Question& question, protocol::Explanation& out) {
  const auto at = tried_again_at(question.state, question.found.task->id);
  const Duration left =
      at ? std::max(*at - question.now.instant, Duration::zero()) : Duration::zero();
  const std::string wait = at ? format_duration(left) : "some time";
  out.summary = "it waits " + wait + " before it is tried again";
  if (at) out.expected_at = after(question.now, left).unix_ms;
  set_change(out, "wait", "wait " + wait);
  const TaskRun* run = question.found.record->find_run(question.found.task->id);
  if (run == nullptr || run->attempts.empty()) return;
  const std::string& reason = run->attempts.back().reason;
  const std::uint32_t most = question.found.task->options->retries;
  const std::uint32_t failures = question.reuse.failures_of_work(question.found);
  const std::string text = attempt_text(question.found) + " ended" +
                           (reason.empty() ? "" : ": " + reason) + "; " +
                           std::to_string(most - std::min(most, failures > 0 ? failures - 1 : 0)) +
                           " of " + std::to_string(most) + " retries left";
  name_condition(out, {"retry", text, {}, 0, false}, text);
}

void explain_task(const Question& question, protocol::Explanation& out);

/// Whatever is told besides the task itself is about the one at the root.
void explain_blocked(const Question& question, protocol::Explanation& out) {
  const Root root = find_root(question.found);
  name_dependencies(question.found, out);
  if (root.task == nullptr) return;
  out.root = root.task->id;
  protocol::Explanation above;
  if (root.whole) {
    explain_task({question.state,
                  question.reuse,
                  question.placement,
                  {question.found.record, root.task},
                  question.caller,
                  question.now},
                 above);
  } else {
    above.summary = "it waits for others in turn";  // a chain beyond all measure
  }
  out.summary = "it waits for " + task_text(*root.task) +
                (root.steps > 1 ? ", " + std::to_string(root.steps) + " steps above it" : "") +
                ", which " + above.summary.substr(std::string_view("it ").size());
  for (std::string& reason : above.reasons) {
    out.reasons.push_back(to_string(root.task->id) + ": " + reason);
  }
  for (auto& condition : above.conditions) out.conditions.push_back(std::move(condition));
  set_change(out, above.change_kind, above.change);
  if (out.change.empty()) set_change(out, "wait", "wait: " + task_text(*root.task) + " ends");
  out.queued = above.queued;
  out.ahead = above.ahead;
  out.ahead_is_least = above.ahead_is_least;
  out.first_ahead = std::move(above.first_ahead);
  out.pipelines_ahead = std::move(above.pipelines_ahead);
  out.kept_at = above.kept_at;
  out.kept_since = above.kept_since;
  out.waits_for = above.waits_for;
}

/// Of a part of its pipeline. What keeps it besides is told already.
void explain_paused(const Question& question, protocol::Explanation& out) {
  std::string resume;
  for (const PauseReason& why : why_held_back(*question.found.record, *question.found.task)) {
    const std::string text = why.text + ": " + why.resume;
    name_condition(out, {"paused", text, {}, 0, false}, text);
    resume += (resume.empty() ? "" : " and ") + why.resume;
  }
  if (!out.summary.empty()) {
    out.summary += "; besides, it is paused";
    return;
  }
  out.summary = "it is paused";
  set_change(out, "resume", resume);
}

void explain_pending(const Question& question, protocol::Explanation& out) {
  const PipelineRecord& record = *question.found.record;
  const auto& scheduler = *record.scheduler;
  const TaskId id = question.found.task->id;
  const bool is_ready = scheduler.is_ready(id);
  if (const auto joined = question.state.joined.find(id); joined != question.state.joined.end()) {
    explain_joined(question, joined->second, out);
  } else if (const auto other =
                 is_ready ? question.reuse.work_under_way(question.found) : std::nullopt) {
    explain_joined(question, *other, out);
  } else if (scheduler.is_held(id)) {
    explain_held(question, out);
  } else if (!is_ready) {
    explain_blocked(question, out);
  } else {
    explain_ready(question, out);
  }
  if (scheduler.is_paused(id)) explain_paused(question, out);
  if (!record.paused) return;
  const std::string resume = "`landseer resume " + to_string(record.id()) + "`";
  const std::string text = to_string(record.id()) + " is paused: " + resume;
  name_condition(out, {"paused", text, {}, 0, false}, text);
  if (is_ready) out.summary = "it is ready, but its pipeline is paused";
  // What keeps it for good does so also when the pipeline goes on.
  set_change(
      out, "resume",
      resume + (out.change_kind == "request" || out.change_kind == "worker" ? ", and " + out.change
                                                                            : ""));
}

/// Given ahead, it waits at the worker; or the worker fetches what it needs.
void explain_assigned(const WorkerRecord& worker, const FoundTask& found,
                      protocol::Explanation& out) {
  const bool is_ahead = worker.cpus_free_milli < 0;
  const std::string text = is_ahead ? "waits there until it has room: it was given ahead"
                                    : "has not begun yet: what it needs is brought there";
  out.summary = "it is assigned to " + worker.offer.name + " and " + text;
  name_condition(out, {is_ahead ? "ahead" : "preparing", text, {worker.offer.name}, 1, false},
                 attempt_text(found) + " " + text);
  set_change(out, "wait", "wait: " + worker.offer.name + " begins with it");
}

void explain_running(const Question& question, protocol::Explanation& out) {
  const State& state = question.state;
  const TaskRun& run = *question.found.record->find_run(question.found.task->id);
  const protocol::AttemptRow& last = run.attempts.back();
  out.summary = "it runs on " + last.worker;
  const WorkerRecord* worker = state.workers.find(run.worker);
  if (worker == nullptr) return;
  if (number(last.origin_task) != 0) {
    out.reasons.push_back("it goes on with the attempt that was begun for " +
                          (sees(question.caller, state.pipelines, last.origin_task)
                               ? to_string(last.origin_task)
                               : kForeign));
  }
  if (worker->state != WorkerState::kConnected) {
    const Duration left = worker->last_heard + state.settings.loss() - question.now.instant;
    const std::string text =
        "is " + std::string(to_string(worker->state)) + "; the task is taken from it " +
        (state.expiry_frozen_until ? "when others are heard again" : left_text(left)) +
        " unless it comes back";
    out.summary = "it was given to " + last.worker + ", which " + text;
    name_condition(out, {std::string(to_string(worker->state)), text, {last.worker}, 1, false},
                   last.worker + " " + text);
    set_change(out, "wait", "wait: " + last.worker + " comes back, or another takes it");
  } else if (run.cancel_requested) {
    out.summary = "it is being stopped on " + last.worker;
  } else if (worker->recalled) {
    out.summary = "it is about to leave " + last.worker + ", which is drained";
  } else if (last.started_at == 0) {
    explain_assigned(*worker, question.found, out);
  }
}

void explain_completed(const Question& question, protocol::Explanation& out) {
  const TaskRun* run = question.found.record->find_run(question.found.task->id);
  if (question.found.task->cached && run != nullptr) {
    const auto source = question.state.pipelines.find_task(run->cached_from);
    out.summary =
        "it did not run: its result is that of " +
        (source && sees(question.caller, *source->record) ? name_of(*source->record, *source->task)
                                                          : task_text(question, run->cached_from)) +
        ", with the same key, contents and inputs";
    return;
  }
  const bool ran = run != nullptr && !run->attempts.empty();
  out.summary = "it ran on " + (ran ? run->attempts.back().worker : "a worker");
  if (run != nullptr && run->evaluation_skipped) {
    out.summary = "its evaluation was skipped: " + question.found.task->reason.text();
  }
  if (run != nullptr && run->reruns > 0) {
    out.reasons.push_back("it ran " + std::to_string(run->reruns) +
                          " times more, because its artifact was lost");
  }
  const auto& [record, task] = question.found;
  if (std::string why = why_no_rule_holds(*record, *task); !why.empty()) {
    out.reasons.push_back(std::move(why));
  }
}

void explain_ended(const Question& question, protocol::Explanation& out) {
  const domain::Task& task = *question.found.task;
  const std::string reason = task.reason.empty() ? "" : ": " + task.reason.text();
  out.summary = "it is " + std::string(to_string(task.status)) + reason;
  set_change(out, "retry", retry_text(task.id));
  const TaskRun* run = question.found.record->find_run(task.id);
  if (task.status == TaskStatus::kFailed) {
    const std::size_t attempts = run != nullptr ? run->attempts.size() : 0;
    out.summary = "it failed after " + std::to_string(attempts) +
                  (attempts == 1 ? " attempt" : " attempts") + reason;
  }
  if (task.status != TaskStatus::kSkipped) return;
  const Root root = find_root(question.found);
  if (root.task == nullptr) return;
  out.root = root.task->id;
  out.summary = "it is skipped: " + task_text(*root.task) +
                (root.steps > 1 ? ", " + std::to_string(root.steps) + " steps above it," : "") +
                " is " + std::string(to_string(root.task->status)) +
                (root.task->reason.empty() ? "" : ": " + root.task->reason.text());
  set_change(out, "retry", retry_text(root.task->id));
}

void explain_task(const Question& question, protocol::Explanation& out) {
  switch (question.found.task->status) {
    case TaskStatus::kPending:
      return explain_pending(question, out);
    case TaskStatus::kRunning:
      return explain_running(question, out);
    case TaskStatus::kCompleted:
      return explain_completed(question, out);
    case TaskStatus::kFailed:
    case TaskStatus::kSkipped:
    case TaskStatus::kCancelled:
      return explain_ended(question, out);
  }
}

}  // namespace

std::string task_text(const domain::Task& task) {
  return to_string(task.id) + " (" + task.tool->name + ")";
}

std::string task_text(const Question& question, TaskId id) {
  const auto found = question.state.pipelines.find_task(id);
  if (!sees(question.caller, question.state.pipelines, id)) {
    return found ? kForeign : "a task that is not kept any more";
  }
  return found ? task_text(*found->task) : to_string(id);
}

std::string left_text(Duration left) {
  return left > Duration::zero() ? "in " + format_duration(left) : "any moment";
}

WallTime after(const Now& now, Duration left) {
  return {now.wall.unix_ms +
          std::chrono::duration_cast<std::chrono::milliseconds>(std::max(left, Duration::zero()))
              .count()};
}

void name_condition(protocol::Explanation& out, protocol::Condition condition,
                    std::string sentence) {
  out.conditions.push_back(std::move(condition));
  out.reasons.push_back(std::move(sentence));
}

void wait_for(const Question& question, TaskId task, protocol::Explanation& out) {
  if (sees(question.caller, question.state.pipelines, task)) out.waits_for = task;
}

void set_change(protocol::Explanation& out, std::string kind, std::string text) {
  out.change_kind = std::move(kind);
  out.change = std::move(text);
}

protocol::Explanation explain(const State& state, const Reuse& reuse, Placement& placement,
                              const FoundTask& found, const Caller& caller, const Now& now) {
  protocol::Explanation out;
  out.row = task_row(state, *found.record, *found.task, caller);
  explain_task({state, reuse, placement, found, caller, now}, out);
  if (!found.task->cached) explain_miss(state, found, caller, out);
  return out;
}

}  // namespace landseer::broker
