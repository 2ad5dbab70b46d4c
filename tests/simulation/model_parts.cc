// The reference for parts of pipelines, their order, and their rules.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "common/domain/stop_rule.h"
#include "tests/simulation/model.h"

namespace landseer::simulation {

using domain::TaskStatus;

namespace {

using Indices = std::set<std::uint32_t>;

bool is_evaluation(const protocol::Submission& content, std::uint32_t index) {
  return content.tasks[index].type == static_cast<std::uint8_t>(domain::TaskType::kEvaluation);
}

const std::string& tool_of(const protocol::Submission& content, std::uint32_t index) {
  return content.tools[content.tasks[index].tool].name;
}

}  // namespace

const protocol::Submission& Model::content_of(const PipelineModel& pipeline) const {
  return world_.workload.at(pipeline.submission).content;
}

TaskModel& Model::member(const PipelineModel& pipeline, std::uint32_t index) {
  return tasks_[pipeline.first_task - 1 + index];
}

std::set<std::uint32_t> Model::named_workflows(
    const PipelineModel& pipeline, const std::vector<protocol::WorkflowRange>& ranges) const {
  Indices named;
  const std::uint64_t count = content_of(pipeline).workflows.size();
  for (const auto& [first, last] : ranges) {
    if (number(first) < pipeline.first_workflow || last < first ||
        number(last) >= pipeline.first_workflow + count) {
      throw Violation(to_string(first) + " to " + to_string(last) + " are not all workflows of " +
                      to_string(pipeline.id));
    }
    for (std::uint64_t id = number(first); id <= number(last); ++id) {
      named.insert(static_cast<std::uint32_t>(id - pipeline.first_workflow));
    }
  }
  return named;
}

std::uint64_t Model::complete_workflows(const PipelineModel& pipeline) {
  const auto& workflows = content_of(pipeline).workflows;
  return static_cast<std::uint64_t>(
      std::count_if(workflows.begin(), workflows.end(), [&](const auto& workflow) {
        return std::all_of(workflow.tasks.begin(), workflow.tasks.end(), [&](std::uint32_t index) {
          return member(pipeline, index).status == TaskStatus::kCompleted;
        });
      }));
}

bool Model::is_open(const PipelineModel& pipeline, std::uint32_t index) {
  return !domain::is_terminal(member(pipeline, index).status);
}

/// Taken away until nothing is left that somebody needs.
Indices Model::ending_with(const PipelineModel& pipeline, const Indices& named) {
  const protocol::Submission& content = content_of(pipeline);
  const PlannedSubmission& planned = world_.workload.at(pipeline.submission);
  Indices ending;
  for (const std::uint32_t workflow : named) {
    for (const std::uint32_t index : content.workflows[workflow].tasks) {
      if (is_open(pipeline, index)) ending.insert(index);
    }
  }
  for (std::uint32_t workflow = 0; workflow < content.workflows.size(); ++workflow) {
    const auto& tasks = content.workflows[workflow].tasks;
    const bool is_dead = named.contains(workflow) ||
                         pipeline.cancelled_workflows.contains(workflow) ||
                         std::any_of(tasks.begin(), tasks.end(), [&](std::uint32_t index) {
                           return member(pipeline, index).status == TaskStatus::kCancelled;
                         });
    if (is_dead) continue;
    for (const std::uint32_t index : tasks) ending.erase(index);
  }
  const auto is_needed = [&](std::uint32_t index) {
    const auto& below = planned.dependents[index];
    return std::any_of(below.begin(), below.end(), [&](std::uint32_t dependent) {
      return is_open(pipeline, dependent) && !ending.contains(dependent);
    });
  };
  while (std::erase_if(ending, is_needed) > 0) {
  }
  return ending;
}

void Model::give_up(const PipelineModel& pipeline, const Indices& ending, bool pruned) {
  for (const std::uint32_t index : ending) {
    TaskModel& owner = member(pipeline, index);
    if (owner.status == TaskStatus::kPending) {
      set_status(owner, TaskStatus::kCancelled);
      owner.pruned = pruned;
    } else if (!is_cancelled(owner)) {
      owner.cancel_requested = true;
      owner.pruned = pruned;
      expect_handover(owner);
    }
  }
  for (const std::uint32_t index : ending) {
    TaskModel& owner = member(pipeline, index);
    if (owner.status == TaskStatus::kCancelled) skip_dependents(owner);
  }
}

void Model::cancel_part(const broker::CancelRequested& r) {
  PipelineModel& pipeline = pipelines_.at(number(r.pipeline) - 1);
  Indices ending;
  if (r.workflows.empty()) {
    const protocol::Submission& content = content_of(pipeline);
    for (std::uint32_t i = 0; i < content.tasks.size(); ++i) {
      if (tool_of(content, i) == r.tool && is_open(pipeline, i)) ending.insert(i);
    }
  } else {
    const Indices named = named_workflows(pipeline, r.workflows);
    ending = ending_with(pipeline, named);
    pipeline.cancelled_workflows.insert(named.begin(), named.end());
  }
  give_up(pipeline, ending, false);
  ++world_.kernel.counters.parts;
  world_.kernel.note(14, number(r.pipeline), ending.size(), r.workflows.size());
}

/// From the first task to the last, as dependencies come first.
void Model::retry_part(const broker::RetryRequested& r) {
  PipelineModel& pipeline = pipelines_.at(number(r.pipeline) - 1);
  const protocol::Submission& content = content_of(pipeline);
  const Indices named = named_workflows(pipeline, r.workflows);
  Indices wanted;
  for (const std::uint32_t workflow : named) {
    const auto& tasks = content.workflows[workflow].tasks;
    wanted.insert(tasks.begin(), tasks.end());
  }
  const bool was_flagged = std::any_of(named.begin(), named.end(), [&](std::uint32_t workflow) {
    return pipeline.cancelled_workflows.contains(workflow);
  });
  for (const std::uint32_t workflow : named) pipeline.cancelled_workflows.erase(workflow);
  std::vector<bool> joined(content.tasks.size(), false);
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < content.tasks.size(); ++i) {
    TaskModel& owner = member(pipeline, i);
    const auto& above = content.tasks[i].dependencies;
    bool comes = wanted.contains(i) || (!r.tool.empty() && tool_of(content, i) == r.tool) ||
                 (r.pruned && owner.pruned);
    if (owner.status == TaskStatus::kSkipped) {
      comes = comes || std::any_of(above.begin(), above.end(),
                                   [&](std::uint32_t index) { return joined[index]; });
    }
    const bool in_vain = std::any_of(above.begin(), above.end(), [&](std::uint32_t index) {
      return is_lost(member(pipeline, index));
    });
    if (!comes || in_vain || !is_lost(owner)) continue;
    make_pending_again(owner);
    joined[i] = true;
    ++count;
  }
  world_.kernel.note(15, number(r.pipeline), count, r.pruned ? 1 : 0);
  if (count == 0 && !was_flagged) {
    throw Violation(to_string(r.pipeline) + " is retried in part, and nothing is to be done");
  }
  if (count == 0) return;
  pipeline.cancel_requested = false;
  pipeline.retried = true;
  terminal_.erase(pipeline.id);
}

void Model::forget_pauses(PipelineModel& pipeline) {
  pipeline.paused = false;
  pipeline.paused_tools.clear();
  pipeline.paused_workflows.clear();
  pipeline.paused_tasks.clear();
}

bool Model::is_held_back(const TaskModel& task) const {
  const PipelineModel& pipeline = pipelines_[task.pipeline];
  const protocol::Submission& content = content_of(pipeline);
  if (task.kept) return false;
  if (pipeline.paused_tasks.contains(id_of(task)) ||
      pipeline.paused_tools.contains(tool_of(content, task.place.index))) {
    return true;
  }
  bool any = false;
  for (std::uint32_t i = 0; i < content.workflows.size(); ++i) {
    const auto& tasks = content.workflows[i].tasks;
    if (std::find(tasks.begin(), tasks.end(), task.place.index) == tasks.end()) continue;
    if (pipeline.paused_workflows.contains(i)) {
      any = true;
    } else if (!pipeline.cancelled_workflows.contains(i)) {
      return false;
    }
  }
  return any;
}

void Model::on(const broker::PartPauseChanged& r) {
  PipelineModel& pipeline = pipelines_.at(number(r.pipeline) - 1);
  const auto set = [&](auto& all, const auto& one) {
    return r.paused ? all.insert(one).second : all.erase(one) > 0;
  };
  bool changes = false;
  if (number(r.task) != 0) {
    changes = set(pipeline.paused_tasks, r.task);
  } else if (!r.tool.empty()) {
    changes = set(pipeline.paused_tools, r.tool);
  } else if (!r.workflows.empty()) {
    for (const std::uint32_t index : named_workflows(pipeline, r.workflows)) {
      changes = set(pipeline.paused_workflows, index) || changes;
    }
  } else {
    changes = pipeline.paused || !pipeline.paused_tools.empty() ||
              !pipeline.paused_workflows.empty() || !pipeline.paused_tasks.empty();
    forget_pauses(pipeline);
  }
  if (!changes || pipeline.open == 0) {
    throw Violation("a part of " + to_string(r.pipeline) +
                    " is paused or resumed, though nothing changes");
  }
  for (std::uint32_t i = 0; i < content_of(pipeline).tasks.size(); ++i) {
    TaskModel& owner = member(pipeline, i);
    if (!owner.touched) touched_.push_back(static_cast<std::uint32_t>(&owner - tasks_.data()));
    owner.touched = true;
    // It no longer claims what another one does.
    if (is_held_back(owner)) joined_.erase(id_of(owner));
  }
  ++world_.kernel.counters.pauses;
  world_.kernel.note(16, number(r.pipeline), r.paused ? 1 : 0);
}

void Model::on(const broker::PriorityChanged& r) {
  PipelineModel& pipeline = pipelines_.at(number(r.pipeline) - 1);
  if (pipeline.open == 0) throw Violation(to_string(r.pipeline) + " is moved, but it is over");
  if (pipeline.priority == r.priority) {
    throw Violation(to_string(r.pipeline) + " is moved to where it is");
  }
  pipeline.priority = r.priority;
  ++world_.kernel.counters.parts;
  world_.kernel.note(16, number(r.pipeline));
}

/// What it reported now, then what others of the same task did.
std::optional<double> Model::metric_of(const PipelineModel& pipeline, std::uint32_t evaluation,
                                       const std::string& metric) {
  const protocol::Submission& content = content_of(pipeline);
  const auto read = [&](std::uint32_t index) -> std::optional<double> {
    const TaskModel& owner = member(pipeline, index);
    if (owner.status != TaskStatus::kCompleted || owner.evaluation_skipped) return std::nullopt;
    const auto json = nlohmann::json::parse(owner.metrics, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const std::string prefix = tool_of(content, index) + ".";
    const std::string name = metric.starts_with(prefix) ? metric.substr(prefix.size()) : metric;
    return json.contains(name) ? std::optional(json[name].get<double>()) : std::nullopt;
  };
  if (const auto own = read(evaluation)) return own;
  const std::uint32_t evaluated = evaluated_by(pipeline, evaluation);
  for (const std::uint32_t other : world_.workload.at(pipeline.submission).dependents[evaluated]) {
    if (other == evaluation || !is_evaluation(content, other)) continue;
    if (const auto value = read(other)) return value;
  }
  return std::nullopt;
}

std::uint32_t Model::evaluated_by(const PipelineModel& pipeline, std::uint32_t evaluation) const {
  const auto& above = content_of(pipeline).tasks[evaluation].dependencies;
  return *std::max_element(above.begin(), above.end());
}

/// The number of the rule that holds now, and what it would end; 0: none holds.
std::pair<std::uint32_t, Indices> Model::judgement(const PipelineModel& pipeline,
                                                   std::uint32_t evaluation) {
  const protocol::Submission& content = content_of(pipeline);
  if (member(pipeline, evaluation).status != TaskStatus::kCompleted) return {};
  for (std::uint32_t rule = 0; rule < content.stop_when.size(); ++rule) {
    const bool holds =
        domain::StopRule::parse(content.stop_when[rule])->holds([&](const std::string& metric) {
          return metric_of(pipeline, evaluation, metric);
        });
    if (!holds) continue;
    Indices ending;
    const std::uint32_t evaluated = evaluated_by(pipeline, evaluation);
    const auto& ancestors = world_.workload.at(pipeline.submission).ancestors;
    for (std::uint32_t i = 0; i < content.tasks.size(); ++i) {
      if (!std::binary_search(ancestors[i].begin(), ancestors[i].end(), evaluated)) continue;
      const TaskModel& owner = member(pipeline, i);
      const bool is_stopped = owner.status == TaskStatus::kRunning && !is_cancelled(owner) &&
                              !is_evaluation(content, i);
      if (is_stopped || owner.status == TaskStatus::kPending) ending.insert(i);
    }
    return {rule + 1, ending};
  }
  return {};
}

Indices Model::everything_open(const PipelineModel& pipeline) {
  Indices open;
  for (std::uint32_t i = 0; i < content_of(pipeline).tasks.size(); ++i) {
    if (is_open(pipeline, i) && !is_cancelled(member(pipeline, i))) open.insert(i);
    if (member(pipeline, i).status == TaskStatus::kPending) open.insert(i);
  }
  return open;
}

void Model::on(const broker::TasksPruned& r) {
  PipelineModel& pipeline = pipelines_.at(number(r.pipeline) - 1);
  const protocol::Submission& content = content_of(pipeline);
  Indices expected;
  if (r.rule == 0) {
    if (content.stop_after == 0 || pipeline.stopped ||
        complete_workflows(pipeline) < content.stop_after) {
      throw Violation(to_string(r.pipeline) + " is stopped before enough of it is complete");
    }
    pipeline.stopped = true;
    expected = everything_open(pipeline);
  } else {
    const TaskModel& evaluation = task(r.evaluation);
    const auto due = std::find(due_evaluations_.begin(), due_evaluations_.end(), r.evaluation);
    if (due == due_evaluations_.end() || pipelines_[evaluation.pipeline].id != r.pipeline) {
      throw Violation(to_string(r.evaluation) + " did not report anything just now");
    }
    due_evaluations_.erase(due);
    const auto [rule, ending] = judgement(pipeline, evaluation.place.index);
    if (rule != r.rule) {
      throw Violation(to_string(r.pipeline) + " is pruned by rule " + std::to_string(r.rule) +
                      ", but it is " + std::to_string(rule) + " that holds");
    }
    expected = ending;
  }
  Indices pruned;
  for (const TaskId id : r.tasks) pruned.insert(task(id).place.index);
  if (pruned != expected || pruned.size() != r.tasks.size()) {
    throw Violation(to_string(r.pipeline) + ": " + std::to_string(r.tasks.size()) +
                    " tasks are pruned, but " + std::to_string(expected.size()) + " should be");
  }
  give_up(pipeline, pruned, true);
  world_.kernel.counters.pruned += pruned.size();
  world_.kernel.note(17, number(r.pipeline), r.rule, pruned.size());
}

/// An evaluation is completed: rules are asked in this turn.
void Model::note_evaluation(const TaskModel& owner) {
  const PipelineModel& pipeline = pipelines_[owner.pipeline];
  const protocol::Submission& content = content_of(pipeline);
  if (!content.stop_when.empty() && is_evaluation(content, owner.place.index)) {
    due_evaluations_.push_back(id_of(owner));
  }
}

/// At the end of a turn nothing is left that a rule should have ended.
void Model::check_rules() {
  for (const TaskId id : std::exchange(due_evaluations_, {})) {
    const TaskModel& evaluation = task(id);
    const PipelineModel& pipeline = pipelines_[evaluation.pipeline];
    if (pipeline.open == 0) continue;
    const auto [rule, ending] = judgement(pipeline, evaluation.place.index);
    if (rule == 0 || ending.empty()) continue;
    throw Violation(to_string(id) + " reported what rule " + std::to_string(rule) +
                    " asks for, and nothing was pruned");
  }
  for (const PipelineModel& pipeline : pipelines_) {
    const std::uint64_t after = content_of(pipeline).stop_after;
    if (after == 0 || pipeline.stopped || pipeline.open == 0) continue;
    if (complete_workflows(pipeline) < after) continue;
    throw Violation(to_string(pipeline.id) + " goes on, though enough of it is complete");
  }
}

void Model::check_pipelines(const broker::State& state) {
  for (const PipelineModel& pipeline : pipelines_) {
    const broker::PipelineRecord& record = *state.pipelines.find(pipeline.id);
    const std::string id = to_string(pipeline.id);
    if (record.priority != pipeline.priority) {
      throw Violation(id + " has the priority " + std::to_string(record.priority) +
                      ", but by the records " + std::to_string(pipeline.priority));
    }
    if (record.cancelled_workflows != pipeline.cancelled_workflows) {
      throw Violation(id + " remembers other workflows as cancelled than the records do");
    }
    const broker::Pauses& pauses = record.pauses;
    if (pauses.tools != pipeline.paused_tools || pauses.tasks != pipeline.paused_tasks ||
        pauses.workflows != pipeline.paused_workflows || record.paused != pipeline.paused) {
      throw Violation(id + " has other parts paused than the records say");
    }
    if (pipeline.open > 0) continue;
    bool is_whole = true;
    for (std::uint32_t i = 0; i < content_of(pipeline).tasks.size(); ++i) {
      const TaskModel& owner = member(pipeline, i);
      is_whole = is_whole && (owner.status == TaskStatus::kCompleted ||
                              (owner.status == TaskStatus::kCancelled && owner.pruned));
    }
    const auto expected = pipeline.cancel_requested ? protocol::PipelineState::kCancelled
                          : is_whole                ? protocol::PipelineState::kCompleted
                                                    : protocol::PipelineState::kFailed;
    if (record.state() != expected) {
      throw Violation(id + " is over as " + std::string(to_string(record.state())) +
                      ", but it should be " + std::string(to_string(expected)));
    }
  }
}

}  // namespace landseer::simulation
