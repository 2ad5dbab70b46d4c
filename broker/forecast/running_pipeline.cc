#include "broker/forecast/running_pipeline.h"

#include <algorithm>

namespace landseer::forecast {

using domain::TaskStatus;

RunningPipeline::RunningPipeline(const Job& job, std::uint64_t first_task,
                                 std::int64_t submitted_ms)
    : job_(&job), first_task_(first_task), submitted_ms_(submitted_ms) {
  const protocol::Submission& s = *job.submission;
  is_over_.resize(s.tasks.size());
  is_kept_.resize(s.tasks.size());
  dependents_.resize(s.tasks.size());
  workflows_of_.resize(s.tasks.size());
  for (const auto& task : s.tasks) {
    for (const std::uint32_t dependency : task.dependencies) ++dependents_[dependency];
  }
  open_dependents_ = open_below_ = dependents_;
  for (std::uint32_t i = 0; i < s.workflows.size(); ++i) {
    open_tasks_.push_back(0);
    for (const std::uint32_t task : s.workflows[i].tasks) {
      if (!workflows_of_[task].empty() && workflows_of_[task].back() == i) continue;
      workflows_of_[task].push_back(i);
      ++open_tasks_.back();
    }
  }
  if (job.so_far != nullptr) restore();
}

/// What ended before is not part of the outcome, but of what is live and kept.
void RunningPipeline::restore() {
  const auto& tasks = *job_->so_far;
  for (std::uint32_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].status == TaskStatus::kCompleted) {
      complete(i);
    } else if (domain::is_terminal(tasks[i].status)) {
      give_up(i);
    }
  }
  outcome_ = Outcome{};
  outcome_.peak_live = static_cast<std::uint64_t>(live_);
  outcome_.peak_bytes = kept_bytes_;
}

const protocol::OptionsEntry& RunningPipeline::options_of(std::uint32_t task) const {
  return job_->submission->options[job_->submission->tasks[task].options];
}

std::uint64_t RunningPipeline::bytes_of(std::uint32_t task) const {
  if (job_->so_far != nullptr && (*job_->so_far)[task].status == TaskStatus::kCompleted) {
    return (*job_->so_far)[task].bytes;
  }
  return job_->bytes != nullptr ? (*job_->bytes)[task] : 0;
}

void RunningPipeline::begin(std::uint32_t task, std::int64_t for_ms) {
  add_time(task, static_cast<double>(for_ms));
}

void RunningPipeline::cut_short(std::uint32_t task, std::int64_t by_ms) {
  add_time(task, -static_cast<double>(by_ms));
}

std::int64_t RunningPipeline::give_up_rest() {
  const std::int64_t before = live_;
  has_enough_ = true;
  for (std::uint32_t i = 0; i < is_over_.size(); ++i) {
    if (!is_over_[i]) give_up(i);
  }
  return live_ - before;
}

void RunningPipeline::give_up(std::uint32_t task) {
  is_over_[task] = true;
  release_inputs(task);
  if (open_below_[task] == 0) close(task);
}

void RunningPipeline::add_time(std::uint32_t task, double ms) {
  const protocol::OptionsEntry& options = options_of(task);
  outcome_.gpu_ms += ms * options.gpus_milli / 1000;
  outcome_.cpu_ms += ms * options.cpus_milli / 1000;
}

std::int64_t RunningPipeline::end(std::uint32_t task, std::int64_t now_ms) {
  const std::int64_t before = live_;
  const auto at_ms = static_cast<double>(now_ms - submitted_ms_);
  complete(task);
  for (const std::uint32_t workflow : workflows_of_[task]) {
    if (open_tasks_[workflow] == 0) outcome_.workflows_ms.push_back(at_ms);
  }
  outcome_.makespan_ms = at_ms;
  return live_ - before;
}

void RunningPipeline::complete(std::uint32_t task) {
  is_over_[task] = is_kept_[task] = true;
  release_inputs(task);
  if (open_dependents_[task] > 0) ++live_;
  kept_bytes_ += bytes_of(task);
  outcome_.peak_live = std::max(outcome_.peak_live, static_cast<std::uint64_t>(live_));
  outcome_.peak_bytes = std::max(outcome_.peak_bytes, kept_bytes_);
  for (const std::uint32_t workflow : workflows_of_[task]) --open_tasks_[workflow];
  if (open_below_[task] == 0) close(task);
}

void RunningPipeline::release_inputs(std::uint32_t task) {
  for (const std::uint32_t each : job_->submission->tasks[task].dependencies) {
    if (--open_dependents_[each] == 0 && is_kept_[each]) --live_;
  }
}

/// Nothing below it will read it any more. The ends of workflows stay: people may want them.
void RunningPipeline::close(std::uint32_t task) {
  std::vector<std::uint32_t> closed{task};
  while (!closed.empty()) {
    const std::uint32_t each = closed.back();
    closed.pop_back();
    if (dependents_[each] > 0 && is_kept_[each])
      kept_bytes_ -= std::min(kept_bytes_, bytes_of(each));
    for (const std::uint32_t above : job_->submission->tasks[each].dependencies) {
      if (--open_below_[above] == 0 && is_over_[above]) closed.push_back(above);
    }
  }
}

Outcome RunningPipeline::take_outcome() {
  for (std::uint32_t i = 0; i < is_over_.size(); ++i) {
    if (!is_over_[i]) outcome_.unrun.push_back(i);
  }
  return std::move(outcome_);
}

}  // namespace landseer::forecast
