#include "broker/core/parts.h"

#include <algorithm>
#include <unordered_set>

namespace landseer::broker {
namespace {

using domain::TaskPtr;
using domain::TaskStatus;

constexpr std::size_t kRangesShown = 3;

bool is_open(const domain::Task& task) { return !domain::is_terminal(task.status); }

/// `workflow_7, workflow_9 to workflow_12`.
std::string text_of(const std::vector<protocol::WorkflowRange>& ranges) {
  std::string text;
  for (std::size_t i = 0; i < ranges.size() && i < kRangesShown; ++i) {
    text += (i > 0 ? ", " : "") + to_string(ranges[i].first);
    if (ranges[i].last != ranges[i].first) text += " to " + to_string(ranges[i].last);
  }
  if (ranges.size() > kRangesShown) text += " and others";
  return text;
}

/// Workflows that somebody still wants. Each is looked at once.
class LiveSet {
 public:
  LiveSet(const PipelineRecord& record, const std::vector<std::uint32_t>& given_up)
      : record_(record), known_(record.pipeline->workflows.size(), kUnknown) {
    for (const std::uint32_t index : given_up) known_[index] = kDead;
    for (const std::uint32_t index : record.cancelled_workflows) known_[index] = kDead;
  }

  bool has_any_of(const std::vector<WorkflowId>& workflows) {
    return std::any_of(workflows.begin(), workflows.end(),
                       [&](WorkflowId id) { return has(*record_.index_of(id)); });
  }

 private:
  enum Known : std::uint8_t { kUnknown, kDead, kLive };

  bool has(std::uint32_t index) {
    if (known_[index] == kUnknown) {
      const auto tasks = record_.pipeline->workflows[index].tasks;
      const bool any = std::any_of(tasks.begin(), tasks.end(), [](const TaskPtr& task) {
        return task->status == TaskStatus::kCancelled;
      });
      known_[index] = any ? kDead : kLive;
    }
    return known_[index] == kLive;
  }

  const PipelineRecord& record_;
  std::vector<std::uint8_t> known_;
};

void add(const TaskPtr& task, const PipelineRecord& record, CancelPlan& plan) {
  if (task->status == TaskStatus::kPending) {
    plan.pending.push_back(task);
  } else if (!record.find_run(task->id)->cancel_requested) {
    plan.running.push_back(task);
  }
}

/// From the last to the first, as dependents come after what they depend on.
void plan_workflows(const PipelineRecord& record, const CancelRequested& r, CancelPlan& plan) {
  const auto indices = workflow_indices(record, r.workflows);
  std::vector<TaskPtr> open;
  std::unordered_set<TaskId> seen;
  for (const std::uint32_t index : indices) {
    const auto tasks = record.pipeline->workflows[index].tasks;
    if (std::any_of(tasks.begin(), tasks.end(), [](const auto& task) { return is_open(*task); })) {
      ++plan.workflows;
    }
    for (const TaskPtr& task : tasks) {
      if (is_open(*task) && seen.insert(task->id).second) open.push_back(task);
    }
  }
  std::sort(open.begin(), open.end(),
            [](const TaskPtr& a, const TaskPtr& b) { return a->id > b->id; });
  LiveSet live(record, indices);
  std::unordered_set<TaskId> ending;
  for (const TaskPtr& task : open) {
    const auto below = record.scheduler->dependents_of(task->id);
    const bool is_needed = live.has_any_of(task->workflows) ||
                           std::any_of(below.begin(), below.end(), [&](const TaskPtr& dependent) {
                             return is_open(*dependent) && !ending.contains(dependent->id);
                           });
    if (is_needed) {
      ++plan.shared;
      continue;
    }
    ending.insert(task->id);
    add(task, record, plan);
  }
  std::reverse(plan.pending.begin(), plan.pending.end());
  std::reverse(plan.running.begin(), plan.running.end());
}

void plan_tool(const PipelineRecord& record, const CancelRequested& r, CancelPlan& plan) {
  std::vector<TaskPtr> roots;
  for (const TaskPtr& task : record.pipeline->tasks) {
    if (task->tool->name != r.tool || !is_open(*task)) continue;
    add(task, record, plan);
    roots.push_back(task);
  }
  std::unordered_set<WorkflowId> lost;
  for (const TaskPtr& task : roots) lost.insert(task->workflows.begin(), task->workflows.end());
  plan.workflows = lost.size();
  for (const TaskPtr& task : record.scheduler->below(roots)) {
    if (task->status == TaskStatus::kPending && task->tool->name != r.tool) ++plan.skipped;
  }
}

}  // namespace

bool is_part(const RetryRequested& r) {
  return !r.tool.empty() || !r.workflows.empty() || r.pruned;
}

bool is_part(const CancelRequested& r) { return !r.tool.empty() || !r.workflows.empty(); }

std::vector<std::uint32_t> workflow_indices(const PipelineRecord& record,
                                            const std::vector<protocol::WorkflowRange>& ranges) {
  std::vector<std::uint32_t> indices;
  const auto& workflows = record.pipeline->workflows;
  if (workflows.empty()) return indices;
  for (const protocol::WorkflowRange& range : ranges) {
    const WorkflowId first = std::max(range.first, workflows.front().id);
    const WorkflowId last = std::min(range.last, workflows.back().id);
    for (std::uint64_t id = number(first); id <= number(last); ++id) {
      indices.push_back(*record.index_of(WorkflowId{id}));
    }
  }
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  return indices;
}

std::vector<protocol::WorkflowRange> workflow_ranges(const PipelineRecord& record,
                                                     const std::set<std::uint32_t>& indices) {
  std::vector<protocol::WorkflowRange> ranges;
  for (const std::uint32_t index : indices) {
    const WorkflowId id = record.pipeline->workflows[index].id;
    if (!ranges.empty() && number(ranges.back().last) + 1 == number(id)) {
      ranges.back().last = id;
    } else {
      ranges.push_back({id, id});
    }
  }
  return ranges;
}

CancelPlan plan_cancel(const PipelineRecord& record, const CancelRequested& r) {
  CancelPlan plan;
  if (!r.workflows.empty()) {
    plan.reason = "cancelled by a user, with " + text_of(r.workflows);
    plan_workflows(record, r, plan);
  } else {
    plan.reason = "cancelled by a user, with the tool '" + r.tool + "'";
    plan_tool(record, r, plan);
  }
  return plan;
}

std::vector<TaskPtr> tasks_of_part(const PipelineRecord& record, const RetryRequested& r) {
  std::vector<TaskPtr> tasks;
  if (!r.workflows.empty()) {
    std::unordered_set<TaskId> seen;
    for (const std::uint32_t index : workflow_indices(record, r.workflows)) {
      for (const TaskPtr& task : record.pipeline->workflows[index].tasks) {
        if (seen.insert(task->id).second) tasks.push_back(task);
      }
    }
    return tasks;
  }
  for (const TaskPtr& task : record.pipeline->tasks) {
    if (r.pruned ? task->pruned : task->tool->name == r.tool) tasks.push_back(task);
  }
  return tasks;
}

}  // namespace landseer::broker
