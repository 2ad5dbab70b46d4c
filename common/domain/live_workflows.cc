#include "common/domain/live_workflows.h"

#include <algorithm>
#include <numeric>

#include "common/base/check.h"

namespace landseer::domain {
namespace {

std::int64_t part_of(std::size_t last_tasks) {
  const auto parts = static_cast<std::int64_t>(last_tasks);
  return std::max<std::int64_t>(LiveWorkflows::kWhole / parts, 1);
}

}  // namespace

void LiveWorkflows::build(const Pipeline& pipeline, const Adjacency& dependencies) {
  pipeline_ = &pipeline;
  by_id_.resize(pipeline.workflows.size());
  std::iota(by_id_.begin(), by_id_.end(), 0u);
  std::sort(by_id_.begin(), by_id_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return pipeline.workflows.id(a) < pipeline.workflows.id(b);
  });
  lost_.assign(pipeline.workflows.size(), 0);
  weights_.assign(pipeline.tasks.size(), 0);
  find_last_tasks(dependencies);
  for (std::uint32_t i = 0; i < lost_.size(); ++i) {
    const auto tasks = last_tasks_[i];
    for (const std::uint32_t task : tasks) weights_[task] += part_of(tasks.size());
  }
}

/// Each edge of a workflow is looked at once.
void LiveWorkflows::find_last_tasks(const Adjacency& dependencies) {
  Adjacency members;
  std::vector<std::uint32_t> counts(lost_.size());
  for (const TaskPtr& task : pipeline_->tasks) {
    for (const WorkflowId id : task->workflows) ++counts[workflow_index(id)];
  }
  for (const std::uint32_t count : counts) members.begins.push_back(members.begins.back() + count);
  members.edges.resize(members.begins.back());
  std::vector<std::uint32_t> next(members.begins.begin(), members.begins.end() - 1);
  for (std::uint32_t i = 0; i < pipeline_->tasks.size(); ++i) {
    for (const WorkflowId id : pipeline_->tasks[i]->workflows) {
      members.edges[next[workflow_index(id)]++] = i;
    }
  }
  last_tasks_ = {};
  std::vector<std::uint32_t> followed(pipeline_->tasks.size());  // by workflow index + 1
  for (std::uint32_t i = 0; i < lost_.size(); ++i) {
    for (const std::uint32_t task : members[i]) {
      for (const std::uint32_t dependency : dependencies[task]) followed[dependency] = i + 1;
    }
    for (const std::uint32_t task : members[i]) {
      if (followed[task] != i + 1) last_tasks_.edges.push_back(task);
    }
    last_tasks_.begins.push_back(static_cast<std::uint32_t>(last_tasks_.edges.size()));
  }
}

std::uint32_t LiveWorkflows::workflow_index(WorkflowId id) const {
  const auto& workflows = pipeline_->workflows;
  // As a rule they are numbered in order.
  const std::uint64_t guess = number(id) - number(workflows.id(0));
  if (guess < workflows.size() && workflows.id(guess) == id) {
    return static_cast<std::uint32_t>(guess);
  }
  const auto found = std::lower_bound(
      by_id_.begin(), by_id_.end(), id,
      [&](std::uint32_t at, WorkflowId wanted) { return workflows.id(at) < wanted; });
  CHECK(found != by_id_.end() && workflows.id(*found) == id,
        "a task knows workflows of its pipeline only");
  return *found;
}

void LiveWorkflows::set_lost(std::uint32_t task, bool lost, std::vector<std::uint32_t>& changed) {
  for (const WorkflowId id : pipeline_->tasks[task]->workflows) {
    const std::uint32_t workflow = workflow_index(id);
    std::uint32_t& count = lost_[workflow];
    if (lost ? ++count != 1 : --count != 0) continue;
    const auto tasks = last_tasks_[workflow];
    const std::int64_t part = part_of(tasks.size());
    for (const std::uint32_t last : tasks) {
      weights_[last] += lost ? -part : part;
      changed.push_back(last);
    }
  }
}

}  // namespace landseer::domain
