#include "broker/core/pauses.h"

#include <algorithm>

#include "broker/core/parts.h"

namespace landseer::broker {
namespace {

using domain::TaskPtr;

constexpr std::size_t kPartsShown = 3;

bool is_wanted(const PipelineRecord& record, std::uint32_t workflow) {
  return !record.pauses.workflows.contains(workflow) &&
         !record.cancelled_workflows.contains(workflow);
}

/// All that want it are paused.
bool has_paused_workflows(const PipelineRecord& record, const domain::Task& task) {
  bool any = false;
  if (record.pauses.workflows.empty()) return false;
  for (const WorkflowId id : task.workflows) {
    const std::uint32_t index = *record.index_of(id);
    if (is_wanted(record, index)) return false;
    any = any || record.pauses.workflows.contains(index);
  }
  return any;
}

std::string resume_text(const std::string& what) { return "`landseer resume " + what + "`"; }

std::string text_of(const protocol::WorkflowRange& range) {
  return to_string(range.first) +
         (range.first == range.last ? "" : "-" + std::to_string(number(range.last)));
}

}  // namespace

bool is_held_back(const PipelineRecord& record, const domain::Task& task) {
  if (record.pauses.empty()) return false;
  const TaskRun* run = record.find_run(task.id);
  if (run != nullptr && run->kept) return false;
  return record.pauses.tasks.contains(task.id) || record.pauses.tools.contains(task.tool->name) ||
         has_paused_workflows(record, task);
}

bool has_effect(const PipelineRecord& record, const PartPauseChanged& r) {
  const Pauses& pauses = record.pauses;
  if (number(r.task) != 0) return pauses.tasks.contains(r.task) != r.paused;
  if (!r.tool.empty()) return pauses.tools.contains(r.tool) != r.paused;
  if (r.workflows.empty()) return record.paused || !pauses.empty();
  const auto indices = workflow_indices(record, r.workflows);
  return std::any_of(indices.begin(), indices.end(), [&](std::uint32_t index) {
    return pauses.workflows.contains(index) != r.paused;
  });
}

void change_pauses(PipelineRecord& record, const PartPauseChanged& r) {
  const auto set = [&](auto& all, const auto& one) {
    if (r.paused) {
      all.insert(one);
    } else {
      all.erase(one);
    }
  };
  if (number(r.task) != 0) {
    set(record.pauses.tasks, r.task);
  } else if (!r.tool.empty()) {
    set(record.pauses.tools, r.tool);
  } else if (!r.workflows.empty()) {
    for (const std::uint32_t index : workflow_indices(record, r.workflows)) {
      set(record.pauses.workflows, index);
    }
  } else {
    record.pauses = {};
    record.paused = false;
  }
}

bool is_within_limits(const PipelineRecord& record, const PartPauseChanged& r) {
  const Pauses& pauses = record.pauses;
  if (!r.paused) return true;
  if (number(r.task) != 0) return pauses.tasks.size() < kPausedTasksMax;
  if (!r.tool.empty()) return pauses.tools.size() < kPausedToolsMax;
  std::set<std::uint32_t> after = pauses.workflows;
  for (const std::uint32_t index : workflow_indices(record, r.workflows)) after.insert(index);
  return workflow_ranges(record, after).size() <= kPausedRangesMax;
}

std::vector<TaskPtr> tasks_of_change(const PipelineRecord& record, const PartPauseChanged& r) {
  if (number(r.task) != 0) return {record.scheduler->find_task(r.task)};
  if (r.tool.empty() && r.workflows.empty()) return record.pipeline->tasks;
  return tasks_of_part(record, {r.pipeline, TaskId{}, 0, r.tool, r.workflows});
}

std::vector<PauseReason> why_held_back(const PipelineRecord& record, const domain::Task& task) {
  std::vector<PauseReason> why;
  const std::string id = to_string(task.id);
  if (record.pauses.tasks.contains(task.id)) why.push_back({id + " is paused", resume_text(id)});
  const std::string& tool = task.tool->name;
  if (record.pauses.tools.contains(tool)) {
    why.push_back({"the tool '" + tool + "' is paused",
                   resume_text(to_string(record.id()) + " --tool '" + tool + "'")});
  }
  if (!has_paused_workflows(record, task)) return why;
  const auto paused = std::find_if(
      task.workflows.begin(), task.workflows.end(),
      [&](WorkflowId of) { return record.pauses.workflows.contains(*record.index_of(of)); });
  why.push_back({"all workflows that want it are paused", resume_text(to_string(*paused))});
  return why;
}

std::string pauses_notice(const PipelineRecord& record) {
  if (record.pauses.empty()) return {};
  std::vector<std::string> parts;
  const std::string id = to_string(record.id());
  for (const std::string& tool : record.pauses.tools) {
    parts.push_back("tool '" + tool + "'");
    if (parts.size() > kPartsShown) break;
  }
  for (const auto& range : workflow_ranges(record, record.pauses.workflows)) {
    if (parts.size() > kPartsShown) break;
    parts.push_back(text_of(range));
  }
  for (const TaskId task : record.pauses.tasks) {
    if (parts.size() > kPartsShown) break;
    parts.push_back(to_string(task));
  }
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text += i == 0 ? "" : ", ";
    text += i < kPartsShown ? parts[i] : "...";
  }
  return "paused in part (" + text + "): " + std::to_string(record.scheduler->paused_count()) +
         " pending tasks do not start before that is resumed; `landseer resume " + id +
         " --all` resumes everything of it";
}

}  // namespace landseer::broker
