// The reference for what users decide about pipelines that exist.
#include <algorithm>

#include "tests/simulation/model.h"

namespace landseer::simulation {

using domain::TaskStatus;

void Model::on(const broker::CancelRequested& r) {
  if (!r.tool.empty() || !r.workflows.empty()) return cancel_part(r);
  if (number(r.task) != 0) {
    TaskModel& owner = task(r.task);
    if (domain::is_terminal(owner.status)) {
      throw Violation(to_string(r.task) + " is cancelled, but it is over");
    }
    if (owner.status == TaskStatus::kRunning) {
      owner.cancel_requested = true;
      expect_handover(owner);
    } else {
      set_status(owner, TaskStatus::kCancelled);
      skip_dependents(owner);
    }
  } else {
    PipelineModel& pipeline = pipelines_.at(number(r.pipeline) - 1);
    pipeline.cancel_requested = true;
    forget_pauses(pipeline);  // nothing is left to hold back
    const std::size_t count = world_.workload.at(pipeline.submission).content.tasks.size();
    for (std::size_t i = 0; i < count; ++i) {
      TaskModel& member = tasks_[pipeline.first_task - 1 + i];
      if (member.status == TaskStatus::kPending) set_status(member, TaskStatus::kCancelled);
      if (member.status == TaskStatus::kRunning) expect_handover(member);
    }
  }
  world_.kernel.note(8, number(r.pipeline), number(r.task));
}

/// Over, and nobody who depends on it can run.
bool Model::is_lost(const TaskModel& task) const {
  return domain::is_terminal(task.status) && task.status != TaskStatus::kCompleted;
}

void Model::make_pending_again(TaskModel& task) {
  task.failures = task.work_failures = task.losses = task.runtime_errors = 0;
  task.returns = task.missing_inputs = task.reruns = 0;
  task.cancel_requested = task.fails_with_work = task.pauses_for_work = false;
  task.not_before = Instant{};
  set_status(task, TaskStatus::kPending);
}

/// From the first task to the last, as dependencies come first: one joins when nothing lost is left
/// above it. Of a single task, only what was skipped below it joins.
void Model::on(const broker::RetryRequested& r) {
  const bool is_one = number(r.task) != 0;
  PipelineModel& pipeline =
      is_one ? pipelines_[task(r.task).pipeline] : pipelines_.at(number(r.pipeline) - 1);
  if (pipeline.cancel_requested && pipeline.open > 0) {
    throw Violation(to_string(pipeline.id) + " is retried while it is being cancelled");
  }
  const auto& entries = world_.workload.at(pipeline.submission).content.tasks;
  const std::uint64_t enough = content_of(pipeline).stop_after;
  if (enough > 0 && complete_workflows(pipeline) >= enough) pipeline.stopped = true;
  if (!r.tool.empty() || !r.workflows.empty() || r.pruned) return retry_part(r);
  if (!is_one && pipeline.cancel_requested) pipeline.cancelled_workflows.clear();
  std::vector<bool> joined(entries.size(), false);
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    TaskModel& member = tasks_[pipeline.first_task - 1 + i];
    const auto& above = entries[i].dependencies;
    const bool below_one =
        std::any_of(above.begin(), above.end(), [&](std::uint32_t index) { return joined[index]; });
    const bool is_root = is_one && id_of(member) == r.task && is_lost(member);
    const bool comes_along = member.status == TaskStatus::kSkipped && (!is_one || below_one);
    const bool is_wanted =
        !is_one && (member.status == TaskStatus::kFailed ||
                    (member.status == TaskStatus::kCancelled && pipeline.cancel_requested));
    if (!is_root && !comes_along && !is_wanted) continue;
    const bool in_vain = std::any_of(above.begin(), above.end(), [&](std::uint32_t index) {
      return is_lost(neighbour(member, index));
    });
    if (in_vain) continue;
    make_pending_again(member);
    joined[i] = true;
    ++count;
  }
  if (count == 0)
    throw Violation(to_string(pipeline.id) + " is retried, and nothing is to be done");
  pipeline.cancel_requested = false;
  pipeline.retried = true;
  terminal_.erase(pipeline.id);
  world_.kernel.note(10, number(r.pipeline), number(r.task), count);
}

void Model::on(const broker::PauseChanged& r) {
  PipelineModel& pipeline = pipelines_.at(number(r.pipeline) - 1);
  if (pipeline.paused == r.paused || pipeline.open == 0) {
    throw Violation(to_string(r.pipeline) + " is paused or resumed, though nothing changes");
  }
  pipeline.paused = r.paused;
  world_.kernel.note(9, number(r.pipeline), r.paused ? 1 : 0);
}

void Model::on(const broker::WorkerDrained& r) {
  if (number(r.worker) == 0 || number(r.worker) > hosts_.size()) {
    throw Violation(to_string(r.worker) + " is drained, but no record added it");
  }
  if (r.drained) {
    drained_.insert(r.worker);
  } else {
    drained_.erase(r.worker);
  }
  world_.kernel.note(11, number(r.worker), r.drained ? 1 : 0, r.recalled ? 1 : 0);
}

void Model::on(const broker::WorkerBound& r) {
  throw Violation(to_string(r.worker) + " is bound to a key, and there are none here");
}

}  // namespace landseer::simulation
