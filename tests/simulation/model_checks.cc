// The broker's tables against the reference.
#include <algorithm>

#include "tests/simulation/model.h"

namespace landseer::simulation {

using domain::TaskStatus;

void Model::check_touched(const broker::State& state) {
  const bool any = !touched_.empty();
  for (const std::uint32_t index : touched_) {
    tasks_[index].touched = false;
    check_task(state, index);
  }
  touched_.clear();
  forgive_hosts();
  judge_releases();
  check_due();
  check_suspects(state);
  if (any) check_rules();
  turn_records_ = 0;
  check_priorities(state);
  note_joined(state);
  new_offers_.clear();
}

/// Nothing was assigned while a task of a more urgent pipeline with the same needs was ready.
void Model::check_priorities(const broker::State& state) {
  // What is opened again in the middle of a placement is ready only after it.
  const bool is_ordered = world_.plan.priorities || world_.plan.control.priorities > 0;
  // A worker that is late to say what it has gets nothing of a pipeline that depends on it.
  const auto& workers = state.workers.all();
  const bool is_late = std::any_of(workers.begin(), workers.end(),
                                   [](const auto& known) { return known.second.unchecked != 0; });
  const bool is_sure = is_ordered && !reopened_ && !world_.plan.reuse.tags_move && !is_late;
  for (const TaskId id : assigned_) {
    if (!is_sure) break;
    const auto* record = state.pipelines.find(pipelines_[task(id).pipeline].id);
    const std::uint32_t request = record->scheduler->find_task(id)->request;
    for (const auto& [other_id, other] : state.pipelines.all()) {
      if (other->paused || other->priority <= record->priority) continue;
      if (!other->scheduler->peek(request)) continue;
      throw Violation(to_string(id) + " was assigned while " + to_string(other_id) +
                      ", which is more urgent, had a task ready");
    }
  }
  assigned_.clear();
  reopened_ = false;
}

void Model::check_task(const broker::State& state, std::size_t index) {
  const TaskModel& expected = tasks_[index];
  const TaskId id{index + 1};
  const PipelineModel& pipeline = pipelines_[expected.pipeline];
  const broker::PipelineRecord* record = state.pipelines.find(pipeline.id);
  if (record == nullptr) throw Violation(to_string(pipeline.id) + " is missing");
  const domain::TaskPtr found = record->scheduler->find_task(id);
  if (!found) throw Violation(to_string(id) + " is missing");
  if (found->status != expected.status) {
    throw Violation(to_string(id) + " is " + std::string(to_string(found->status)) +
                    ", but by the records it is " + std::string(to_string(expected.status)));
  }
  const broker::TaskRun* run = record->find_run(id);
  const std::size_t attempts = run != nullptr ? run->attempts.size() : 0;
  if (attempts != expected.attempts.size()) {
    throw Violation(to_string(id) + " has " + std::to_string(attempts) +
                    " attempts, but by the records " + std::to_string(expected.attempts.size()));
  }
  if (expected.live() != (run != nullptr && run->live())) {
    throw Violation(to_string(id) + ": whether an attempt is live differs from the records");
  }
  if (expected.status == TaskStatus::kCompleted && run != nullptr &&
      run->artifact != expected.artifact) {
    throw Violation(to_string(id) + " shows an artifact that is not the winning attempt's");
  }
  if (expected.status == TaskStatus::kCancelled && found->pruned != expected.pruned) {
    throw Violation(to_string(id) + ": whether it was pruned differs from the records");
  }
  if (expected.status != TaskStatus::kPending) return;
  if (record->scheduler->is_paused(id) != is_held_back(expected)) {
    throw Violation(to_string(id) + ": whether it is paused differs from the records");
  }
  // Exactly one of: blocked by a dependency, paused, ready, held; a paused one may be held besides.
  const bool blocked = !dependencies_completed(expected);
  const bool ready = record->scheduler->is_ready(id);
  const bool held = record->scheduler->is_held(id);
  if (blocked || is_held_back(expected) ? ready : ready == held) {
    throw Violation(to_string(id) + " is in limbo: " + (blocked ? "blocked, " : "not blocked, ") +
                    (ready ? "ready, " : "not ready, ") + (held ? "held" : "not held"));
  }
  if (!blocked && held) check_held(state, id);
}

void Model::check_all(const broker::State& state) {
  ++world_.kernel.counters.full_checks;
  if (state.pipelines.all().size() != pipelines_.size()) {
    throw Violation("there are " + std::to_string(state.pipelines.all().size()) +
                    " pipelines, but by the records " + std::to_string(pipelines_.size()));
  }
  for (std::size_t i = 0; i < tasks_.size(); ++i) check_task(state, i);
  check_cached(state);
  check_pipelines(state);
  std::size_t live = 0;
  for (const auto& [id, worker] : state.workers.all()) {
    live += worker.attempts.size();
    for (const auto& [task_id, key] : worker.attempts) {
      const TaskModel& owner = task(task_id);
      if (!owner.live() || owner.attempts.back().key != key ||
          owner.attempts.back().host != hosts_[number(id) - 1]) {
        throw Violation(name(key) + " is on a worker that it was not assigned to");
      }
    }
  }
  const auto expected_live = static_cast<std::size_t>(std::count_if(
      tasks_.begin(), tasks_.end(), [](const TaskModel& each) { return each.live(); }));
  if (live != expected_live) {
    throw Violation("workers hold " + std::to_string(live) + " attempts, but by the records " +
                    std::to_string(expected_live));
  }
}

void Model::check_acknowledgements(const broker::State& state) {
  auto& pipelines = const_cast<broker::PipelineTable&>(state.pipelines);
  for (const auto& [submission, id] : submissions_) {
    const std::string& submission_id = world_.workload.at(submission).content.submission_id;
    const broker::PipelineRecord* record = pipelines.find_submission(submission_id);
    if (record == nullptr || record->id() != id) {
      throw Violation("submission " + std::to_string(submission) + " was acknowledged as " +
                      to_string(id) + " and is lost");
    }
  }
  for (const auto& [id, paused] : pauses_) {
    // Cancelling ends a pause, and so does the end.
    const PipelineModel& pipeline = pipelines_.at(number(id) - 1);
    if (pipeline.cancel_requested || pipeline.retried) continue;
    const broker::PipelineRecord* record = pipelines.find(id);
    if (record == nullptr || (record->paused != paused && !record->terminal())) {
      throw Violation("the acknowledged pause or resumption of " + to_string(id) + " is lost");
    }
  }
  for (const auto& [pipeline, id] : cancels_) {
    const std::size_t owner =
        number(id) == 0 ? number(pipeline) - 1 : std::size_t{task(id).pipeline};
    if (pipelines_.at(owner).retried) continue;
    const broker::PipelineRecord* record = pipelines.find(pipeline);
    if (number(id) == 0) {
      if (record == nullptr || !record->cancel_requested) {
        throw Violation("the acknowledged cancellation of " + to_string(pipeline) + " is lost");
      }
      continue;
    }
    const auto found = pipelines.find_task(id);
    if (!found) throw Violation(to_string(id) + " was cancelled and is missing");
    const broker::TaskRun* run = found->record->find_run(id);
    // A success that was faster counts, and may be undone for a lost artifact.
    const bool reopened = run != nullptr && (run->reruns > 0 || run->kept);
    if (!domain::is_terminal(found->task->status) && !reopened &&
        (run == nullptr || !(run->cancel_requested || found->record->cancel_requested))) {
      throw Violation("the acknowledged cancellation of " + to_string(id) + " is lost");
    }
  }
  for (const protocol::AttemptRef& key : results_) {
    const TaskId served = attempt(key).served;
    const auto& rows = task(served).attempts;
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const AttemptModel& each) { return each.key == key; });
    const auto index = static_cast<std::size_t>(row - rows.begin());
    const auto found = pipelines.find_task(served);
    if (!found) throw Violation(name(key) + ": its result was acknowledged and is lost");
    const broker::TaskRun* run = found->record->find_run(served);
    if (run == nullptr || run->attempts.size() <= index || run->attempts[index].outcome == 0) {
      throw Violation(name(key) + ": its result was acknowledged and is lost");
    }
  }
  for (const auto& [id, shown] : terminal_) {
    const broker::PipelineRecord* record = pipelines.find(id);
    if (record == nullptr || record->state() != shown) {
      throw Violation(to_string(id) + " was shown as over, and is not any more");
    }
  }
}

void Model::check_recovered(const broker::State& state) {
  // Everybody gets a full lease to come back.
  std::fill(heard_.begin(), heard_.end(), world_.kernel.now());
  for (std::uint32_t& failures : host_failures_) failures = 0;
  assigned_.clear();
  suspects_.clear();
  joined_.clear();
  due_evaluations_.clear();
  check_due();
  for (TaskModel& each : tasks_) {
    if (each.pauses_for_work) each.not_before = Instant{};
  }
  hellos_.clear();
  releases_.clear();
  new_offers_.clear();
  turn_records_ = 0;
  check_acknowledgements(state);
  check_all(state);
}

/// A failed task must have had its reasons.
void Model::check_justified(TaskModel& owner) {
  const TaskId id = id_of(owner);
  const TaskFate& fate = world_.workload.fate(owner.place);
  const bool cancelled = pipelines_[owner.pipeline].cancel_requested;
  switch (owner.status) {
    case TaskStatus::kPending:
    case TaskStatus::kRunning:
      throw Violation(to_string(id) + " never ended");
    case TaskStatus::kCompleted:
      if (fate.temper == Temper::kBad && !fate.unmet_requirement) {
        throw Violation(to_string(id) + " always fails, but is completed");
      }
      break;
    case TaskStatus::kFailed: {
      const auto& retries = world_.workload.options(owner.place).retries;
      const auto& above = world_.workload.at(owner.place.submission).ancestors[owner.place.index];
      const bool lost_input = std::any_of(above.begin(), above.end(), [&](std::uint32_t index) {
        const TaskModel& ancestor = neighbour(owner, index);
        return ancestor.reruns > 0;
      });
      if (!owner.fails_with_work && owner.work_failures <= retries && owner.losses < 3 &&
          owner.runtime_errors < 3 && owner.returns < 20 && owner.missing_inputs < 3 &&
          !lost_input) {
        throw Violation(to_string(id) +
                        " failed without a reason: " + std::to_string(owner.work_failures) +
                        " failures with " + std::to_string(retries) + " retries, " +
                        std::to_string(owner.losses) + " losses");
      }
      break;
    }
    case TaskStatus::kSkipped:
      if (dependencies_completed(owner)) {
        throw Violation(to_string(id) + " was skipped, but all its dependencies are completed");
      }
      break;
    case TaskStatus::kCancelled: {
      const bool asked = std::any_of(cancels_.begin(), cancels_.end(),
                                     [&](const auto& each) { return each.second == id; });
      // An answer may be lost on its way; what was asked for is known to the client.
      static_cast<void>(asked);
      static_cast<void>(cancelled);
      break;
    }
  }
  if (owner.failures > world_.workload.options(owner.place).retries + 1 || owner.losses > 3 ||
      owner.runtime_errors > 3) {
    throw Violation(to_string(id) + " was tried more often than allowed");
  }
}

void Model::check_rest(const broker::State& state) {
  check_acknowledgements(state);
  check_all(state);
  for (TaskModel& each : tasks_) check_justified(each);
  if (!present_.empty()) {
    throw Violation(to_string(present_.front().first) +
                    " still has processes when everything is over");
  }
}

std::string Model::describe_open() const {
  std::string text;
  int shown = 0;
  for (std::size_t i = 0; i < tasks_.size() && shown < 5; ++i) {
    const TaskModel& each = tasks_[i];
    if (domain::is_terminal(each.status)) continue;
    text += (shown++ > 0 ? ", " : "") + to_string(TaskId{i + 1}) + " (" +
            std::string(to_string(each.status));
    if (each.live()) text += " on host " + std::to_string(each.attempts.back().host);
    text += ")";
  }
  return text;
}

}  // namespace landseer::simulation
