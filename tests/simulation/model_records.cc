// The reference: what each durable record means, one after the other.
#include <algorithm>

#include "broker/core/settings.h"
#include "common/base/text.h"
#include "tests/simulation/model.h"
#include "tests/simulation/worker_host.h"

namespace landseer::simulation {

using broker::Decision;
using domain::TaskStatus;
using protocol::Outcome;

std::string name(const protocol::AttemptRef& key) {
  return to_string(key.task) + ", attempt " + std::to_string(key.attempt) + " of epoch " +
         std::to_string(key.epoch);
}

Model::Model(World& world) : world_(world) { tasks_.reserve(world.workload.tasks()); }

TaskModel& Model::task(TaskId id) {
  if (number(id) == 0 || number(id) > tasks_.size()) {
    throw Violation(to_string(id) + " does not exist by the records");
  }
  return tasks_[number(id) - 1];
}

AttemptModel& Model::attempt(const protocol::AttemptRef& key) {
  TaskModel& owner = task(key.task);
  if (key.attempt == 0 || key.attempt > owner.attempts.size() ||
      owner.attempts[key.attempt - 1].key != key) {
    throw Violation(name(key) + " is in no durable record, but someone acts on it");
  }
  return owner.attempts[key.attempt - 1];
}

TaskId Model::id_of(const TaskModel& task) const {
  return TaskId{static_cast<std::uint64_t>(&task - tasks_.data()) + 1};
}

TaskModel& Model::neighbour(const TaskModel& of, std::uint32_t index) {
  return tasks_[pipelines_[of.pipeline].first_task - 1 + index];
}

void Model::set_status(TaskModel& task, TaskStatus status) {
  const bool was_over = domain::is_terminal(task.status);
  const bool is_over = domain::is_terminal(status);
  PipelineModel& pipeline = pipelines_[task.pipeline];
  if (was_over && !is_over) ++pipeline.open;
  if (!was_over && is_over) --pipeline.open;
  if (pipeline.open == 0) forget_pauses(pipeline);
  task.status = status;
  task.pruned = task.pruned && status == TaskStatus::kCancelled;
  if (status != TaskStatus::kPending) joined_.erase(id_of(task));
  if (!task.touched) touched_.push_back(static_cast<std::uint32_t>(&task - tasks_.data()));
  task.touched = true;
}

void Model::skip_dependents(TaskModel& root) {
  const PlannedSubmission& planned = world_.workload.at(root.place.submission);
  for (const std::uint32_t index : planned.dependents[root.place.index]) {
    TaskModel& dependent = neighbour(root, index);
    if (dependent.status != TaskStatus::kPending) continue;
    set_status(dependent, TaskStatus::kSkipped);
    skip_dependents(dependent);
  }
}

bool Model::dependencies_completed(const TaskModel& task) {
  const auto& entry = world_.workload.at(task.place.submission).content.tasks[task.place.index];
  return std::all_of(
      entry.dependencies.begin(), entry.dependencies.end(),
      [&](std::uint32_t index) { return neighbour(task, index).status == TaskStatus::kCompleted; });
}

void Model::durable(const broker::Record& record) {
  forgive_hosts();
  judge_releases();
  ++turn_records_;
  ++records_;
  last_progress_ = world_.kernel.now();
  // The heir's pipeline is bound before.
  if (!std::holds_alternative<broker::AttemptHandedOver>(record) &&
      !std::holds_alternative<broker::ContentBound>(record) &&
      !std::holds_alternative<broker::TaskFailed>(record)) {
    check_due();
  }
  std::visit([&](const auto& r) { on(r); }, record);
}

void Model::on(const broker::PipelineAdded& r) {
  const auto& planned = world_.workload.submissions();
  const auto found = std::find_if(planned.begin(), planned.end(),
                                  [&](const auto& each) { return each.body == r.body; });
  if (found == planned.end()) {
    throw Violation(to_string(r.pipeline) + " is not what any client submitted");
  }
  const auto submission = static_cast<std::uint32_t>(found - planned.begin());
  for (const PipelineModel& known : pipelines_) {
    if (known.submission == submission) {
      throw Violation("submission " + std::to_string(submission) + " became two pipelines, " +
                      to_string(known.id) + " and " + to_string(r.pipeline));
    }
  }
  if (number(r.pipeline) != pipelines_.size() + 1) {
    throw Violation(to_string(r.pipeline) + " skips a number");
  }
  PipelineModel pipeline;
  pipeline.id = r.pipeline;
  pipeline.submission = submission;
  pipeline.shares = found->content.use_cache;
  pipeline.first_task = tasks_.size() + 1;
  pipeline.first_workflow = next_workflow_;
  next_workflow_ += found->content.workflows.size();
  pipeline.priority = found->content.priority;
  pipeline.open = static_cast<std::uint32_t>(found->content.tasks.size());
  pipelines_.push_back(pipeline);
  for (std::uint32_t i = 0; i < found->content.tasks.size(); ++i) {
    TaskModel added;
    added.place = {submission, i};
    added.pipeline = static_cast<std::uint32_t>(pipelines_.size() - 1);
    works_[world_.workload.work_of(added.place)].push_back(
        static_cast<std::uint32_t>(tasks_.size()));
    tasks_.push_back(std::move(added));
  }
  world_.kernel.note(1, number(r.pipeline), submission);
}

void Model::on(const broker::WorkerAdded& r) {
  // `hINDEX-NUMBER`; the number grows when the host loses its disk.
  hosts_.push_back(static_cast<std::uint32_t>(r.uid[1] - '0'));
  uids_.push_back(r.uid);
  host_failures_.push_back(0);
  heard_.push_back(world_.kernel.now());
  world_.kernel.note(2, hosts_.back());
}

void Model::on(const broker::AttemptAssigned& r) {
  TaskModel& owner = task(r.attempt.task);
  const std::string who = name(r.attempt);
  if (number(r.worker) == 0 || number(r.worker) > hosts_.size()) {
    throw Violation(who + " is assigned to a worker that no record added");
  }
  if (owner.status != TaskStatus::kPending) {
    throw Violation(who + " is assigned, but its task is " + std::string(to_string(owner.status)));
  }
  if (owner.live()) throw Violation(who + " is assigned while another attempt is live");
  if (r.attempt.attempt != owner.attempts.size() + 1) {
    throw Violation(who + " has a number that is used or skipped; expected " +
                    std::to_string(owner.attempts.size() + 1));
  }
  if (r.attempt.epoch != epoch_) throw Violation(who + " is not of the broker's epoch");
  if (!dependencies_completed(owner)) {
    throw Violation(who + " is assigned before its dependencies are completed");
  }
  if (pipelines_[owner.pipeline].cancel_requested) {
    throw Violation(who + " is assigned after its pipeline was cancelled");
  }
  if (pipelines_[owner.pipeline].paused) {
    throw Violation(who + " is assigned while its pipeline is paused");
  }
  if (is_held_back(owner)) {
    throw Violation(who + " is assigned while a part that it belongs to is paused");
  }
  if (world_.kernel.now() < owner.not_before) {
    throw Violation(who + " is assigned before the pause after a failure is over");
  }
  if (owner.kept) throw Violation(who + " runs again, though its artifact was kept");
  if (drained_.contains(r.worker)) throw Violation(who + " is assigned to a drained worker");
  const std::size_t worker = number(r.worker) - 1;
  if (host_failures_[worker] >= broker::kHostFailuresMax) {
    throw Violation(who + " is assigned to a host that failed " +
                    std::to_string(host_failures_[worker]) + " times in a row");
  }
  check_worker(owner, worker, who);
  owner.inputs = inputs_of(owner);
  check_assigned_once(owner);
  AttemptModel added;
  added.key = r.attempt;
  added.bound = bound(owner);
  added.served = r.attempt.task;
  added.host = hosts_[worker];
  added.worker = static_cast<std::uint32_t>(worker);
  added.live = true;
  owner.attempts.push_back(std::move(added));
  ++world_.kernel.counters.attempts;
  assigned_.push_back(r.attempt.task);
  set_status(owner, TaskStatus::kRunning);
  world_.kernel.note(3, number(r.attempt.task), r.attempt.attempt, number(r.worker));
}

Decision Model::expected_decision(TaskModel& task, const protocol::AttemptResult& result) {
  if (result.outcome == Outcome::kSucceeded) return Decision::kComplete;
  if (task.cancel_requested || pipelines_[task.pipeline].cancel_requested) return Decision::kCancel;
  const auto again_unless = [](bool too_often) {
    return too_often ? Decision::kFail : Decision::kAgain;
  };
  switch (result.outcome) {
    case Outcome::kSucceeded:
      break;
    case Outcome::kExitCode:
    case Outcome::kSignal:
    case Outcome::kTimeout:
    case Outcome::kOutOfMemory:
      return again_unless(failures_of_work(task) >= world_.workload.options(task.place).retries);
    case Outcome::kRuntimeError:
      return again_unless(task.runtime_errors + 1 >= 3);
    case Outcome::kInputMissing: {
      const auto& above = world_.workload.at(task.place.submission).ancestors[task.place.index];
      const bool is_known = !result.missing_input.empty() &&
                            std::any_of(above.begin(), above.end(), [&](std::uint32_t index) {
                              return neighbour(task, index).artifact == result.missing_input;
                            });
      return again_unless(!is_known && task.missing_inputs + 1 >= 3);
    }
    case Outcome::kWorkerLost:
      return again_unless(task.losses + 1 >= 3);
    case Outcome::kCancelled:
    case Outcome::kReturned:
      return again_unless(result.started_at != 0 && task.returns + 1 >= 20);
  }
  return Decision::kAgain;
}

void Model::count_outcome(TaskModel& task, std::uint32_t worker,
                          const protocol::AttemptResult& result) {
  switch (result.outcome) {
    case Outcome::kSucceeded:
      host_failures_[worker] = 0;
      break;
    case Outcome::kExitCode:
    case Outcome::kSignal:
    case Outcome::kTimeout:
    case Outcome::kOutOfMemory:
      task.work_failures = failures_of_work(task) + 1;
      ++task.failures;
      host_failures_[worker] = 0;
      break;
    case Outcome::kRuntimeError:
      ++task.runtime_errors;
      if (!result.host_is_well) ++host_failures_[worker];
      break;
    case Outcome::kInputMissing:
      ++task.missing_inputs;
      break;
    case Outcome::kWorkerLost:
      ++task.losses;
      break;
    case Outcome::kCancelled:
    case Outcome::kReturned:
      if (result.started_at != 0) ++task.returns;
      break;
  }
}

void Model::on(const broker::AttemptEnded& r) {
  TaskModel& owner = task(r.result.task);
  if (!owner.live() || owner.attempts.size() != r.result.attempt) {
    throw Violation(to_string(r.result.task) + ", attempt " + std::to_string(r.result.attempt) +
                    ": a stale attempt ended in the records");
  }
  AttemptModel& ended = owner.attempts.back();
  check_outcome(owner, attempt(ended.key), r.result);
  const Decision expected = expected_decision(owner, r.result);
  if (r.decision != expected) {
    throw Violation(to_string(r.result.task) + " ended as " +
                    std::string(to_string(r.result.outcome)) + ": decision " +
                    std::to_string(static_cast<int>(r.decision)) + ", but the contract says " +
                    std::to_string(static_cast<int>(expected)));
  }
  count_outcome(owner, ended.worker, r.result);
  ended.live = false;
  if (!r.result.checkpoint.empty()) owner.checkpoint = r.result.checkpoint;
  if (r.decision == Decision::kAgain && r.delay_ms > 0) {
    // The broker's clock may run 2 % fast.
    owner.not_before = world_.kernel.now() + std::chrono::microseconds(r.delay_ms * 970);
  }
  switch (r.decision) {
    case Decision::kComplete:
      check_made_with(owner, attempt(ended.key), r.result);
      owner.artifact = r.result.artifact;
      owner.checkpoint = {};
      owner.made_with = {r.result.image_content, r.result.dataset_content};
      owner.cached_from = {};
      owner.cancel_requested = false;
      owner.metrics = r.result.metrics;
      owner.evaluation_skipped = r.result.evaluation_skipped;
      set_status(owner, TaskStatus::kCompleted);
      note_evaluation(owner);
      break;
    case Decision::kFail:
      set_status(owner, TaskStatus::kFailed);
      skip_dependents(owner);
      break;
    case Decision::kCancel:
      set_status(owner, TaskStatus::kCancelled);
      skip_dependents(owner);
      break;
    case Decision::kAgain: {
      set_status(owner, TaskStatus::kPending);
      const auto& entry =
          world_.workload.at(owner.place.submission).content.tasks[owner.place.index];
      const bool in_vain = std::any_of(
          entry.dependencies.begin(), entry.dependencies.end(), [&](std::uint32_t index) {
            const TaskStatus above = neighbour(owner, index).status;
            return domain::is_terminal(above) && above != TaskStatus::kCompleted;
          });
      if (in_vain) {
        set_status(owner, TaskStatus::kSkipped);
        skip_dependents(owner);
      }
      break;
    }
  }
  follow_end(owner, r.decision, r.delay_ms);
  world_.kernel.note(4, number(r.result.task), r.result.attempt, static_cast<int>(r.result.outcome),
                     static_cast<int>(r.decision), r.delay_ms);
}

void Model::on(const broker::TaskReopened& r) {
  TaskModel& owner = task(r.task);
  if (owner.status != TaskStatus::kCompleted) {
    throw Violation(to_string(r.task) + " is opened again, but it is " +
                    std::string(to_string(owner.status)));
  }
  if (pipelines_[owner.pipeline].open == 0) {
    throw Violation(to_string(r.task) + " is opened again in a pipeline that is over");
  }
  reopened_ = true;
  owner.kept = r.kept;
  owner.cancel_requested = false;
  if (!r.kept) {
    if (++owner.reruns > broker::kRerunsMax) {
      throw Violation(to_string(r.task) + " runs again for its artifact too often");
    }
    owner.artifact = {};
    owner.cached_from = {};
  }
  set_status(owner, TaskStatus::kPending);
  world_.kernel.note(5, number(r.task), r.kept ? 1 : 0);
}

void Model::on(const broker::TaskKept& r) {
  TaskModel& owner = task(r.task);
  if (owner.status != TaskStatus::kPending || !owner.kept || !dependencies_completed(owner)) {
    throw Violation(to_string(r.task) +
                    " is completed as it was, but it was not reopened for that");
  }
  owner.kept = false;
  set_status(owner, TaskStatus::kCompleted);
  world_.kernel.note(6, number(r.task));
}

void Model::on(const broker::TaskFailed& r) {
  TaskModel& owner = task(r.task);
  if (owner.status != TaskStatus::kPending) {
    throw Violation(to_string(r.task) + " fails without an attempt, but it is " +
                    std::string(to_string(owner.status)));
  }
  owner.fails_with_work = std::erase(due_failures_, r.task) > 0;
  if (!owner.fails_with_work) check_due();
  set_status(owner, TaskStatus::kFailed);
  skip_dependents(owner);
  world_.kernel.note(7, number(r.task));
}

void Model::on(const broker::PipelineForgotten& r) {
  throw Violation(to_string(r.pipeline) + " is forgotten, though there is room");
}

void Model::on(const broker::WorkerForgotten& r) {
  throw Violation(to_string(r.worker) + " is forgotten, though there is room");
}

bool Model::all_over() const {
  return pipelines_.size() == world_.workload.submissions().size() &&
         std::all_of(pipelines_.begin(), pipelines_.end(),
                     [](const PipelineModel& pipeline) { return pipeline.open == 0; });
}

}  // namespace landseer::simulation
