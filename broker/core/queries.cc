#include "broker/core/queries.h"

#include <algorithm>

#include "broker/core/reported.h"
#include "broker/core/request_text.h"
#include "broker/core/rights.h"
#include "common/domain/combined_status.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;

constexpr std::size_t kRefusalsShown = 5;
/// Rows of a page stay well below the frame limit even with long reasons.
constexpr std::size_t kPageBytesMax = 2 * 1024 * 1024;

/// What is left, by what is expected of each tool, on as many workers as are busy with it now.
/// O(tools); `landseer status` simulates instead. Tools without a time are like the others.
std::int64_t eta_ms(const State& state, const PipelineRecord& record) {
  const domain::Progress progress = record.scheduler->get_progress();
  if (progress.pending + progress.running == 0) return 0;
  const bool is_held_back = record.paused || record.scheduler->paused_count() > 0;
  if (is_held_back || progress.running == 0) return -1;
  double work_ms = 0;
  double known_ms = 0;
  std::uint64_t known = 0;  // tools
  std::uint64_t unknown_left = 0;
  for (const ToolLeft& each : record.tools) {
    const auto expected = state.times.expected(each.tool->name);
    if (!expected) {
      unknown_left += each.left;
      continue;
    }
    const double tool_ms = std::chrono::duration<double, std::milli>(*expected).count();
    known_ms += tool_ms;
    ++known;
    work_ms += tool_ms * static_cast<double>(each.left);
  }
  if (known == 0) return -1;
  work_ms += known_ms / static_cast<double>(known) * static_cast<double>(unknown_left);
  const auto left = static_cast<double>(progress.pending + progress.running);
  const auto running = static_cast<double>(progress.running);
  // Those that run are half done, in the mean.
  return static_cast<std::int64_t>(work_ms / left * (left - running / 2) / running);
}

/// Nobody takes work: why those who are here do not.
void add_refusals(const State& state, bool tells_all, std::vector<std::string>& notices) {
  std::size_t shown = 0;
  for (const auto& [id, worker] : state.workers.all()) {
    if (worker.state != WorkerState::kConnected || worker.session == 0) continue;
    if (++shown > kRefusalsShown) return;
    notices.push_back(worker.offer.name + " " + worker.why_refused().said(tells_all));
  }
  if (shown == 0) notices.push_back("no worker is connected; start one with landseer-worker");
}

void add_notices(const State& state, const PipelineRecord& record, Placement& placement,
                 bool tells_all, std::vector<std::string>& notices) {
  const bool any = std::any_of(state.workers.all().begin(), state.workers.all().end(),
                               [](const auto& entry) { return entry.second.takes_work(); });
  if (!any) return add_refusals(state, tells_all, notices);
  for (const std::uint32_t request : record.scheduler->requests()) {
    const domain::TaskPtr task = record.scheduler->peek(request);
    if (task == nullptr) continue;
    const std::string text = request_text(state.requests.at(request));
    if (!placement.impossible(request).empty()) continue;  // told of already
    if (!placement.is_possible(request)) {
      notices.push_back("no connected worker can run the ready tasks that ask for " + text +
                        "; see `landseer workers` for what they offer");
    } else if (!placement.has_contents(record, *task)) {
      notices.push_back(
          "no connected worker has the data set or image that the pipeline began "
          "with, for the ready tasks that ask for " +
          text + "; see `landseer explain " + to_string(task->id) + "`");
    }
  }
}

/// Those that are not ready yet, too: so that nobody waits for what will not come.
void add_impossible(const PipelineRecord& record, Placement& placement,
                    std::vector<std::string>& notices) {
  std::size_t shown = 0;
  for (const auto& [request, tasks] : record.open_requests) {
    if (tasks == 0 || placement.impossible(request).empty()) continue;
    if (++shown > kRefusalsShown) return;
    notices.push_back(std::to_string(tasks) +
                      " tasks can never run: " + placement.impossible(request));
  }
}

bool is_cancelled(const domain::Task& task, bool pruned) {
  return task.status == TaskStatus::kCancelled && task.pruned == pruned;
}

/// Nothing but rules keeps it from being complete.
bool is_pruned(const domain::Workflow& workflow, TaskStatus status) {
  const auto& tasks = workflow.tasks;
  return status == TaskStatus::kCancelled &&
         std::none_of(tasks.begin(), tasks.end(),
                      [](const auto& task) { return is_cancelled(*task, false); }) &&
         std::any_of(tasks.begin(), tasks.end(),
                     [](const auto& task) { return is_cancelled(*task, true); });
}

std::vector<protocol::PruningRow> pruning_rows(const StopRules& rules) {
  std::vector<protocol::PruningRow> rows;
  for (std::size_t i = 0; i < rules.prunings.size(); ++i) {
    if (i == 0 && rules.after == 0) continue;
    const Pruning& sum = rules.prunings[i];
    rows.push_back({i == 0 ? "stop_after " + std::to_string(rules.after) : rules.when[i - 1].text(),
                    sum.times, sum.tasks, sum.saved_ms, sum.gpu_ms, sum.unknown});
  }
  return rows;
}

TaskStatus workflow_status(const domain::Workflow& workflow) {
  std::vector<TaskStatus> statuses;
  for (const auto& task : workflow.tasks) statuses.push_back(task->status);
  return domain::combined_status(statuses);
}

std::size_t row_bytes(const protocol::TaskRow& row) {
  return 200 + row.reason.size() + row.metrics.size() + 9 * row.workflows.size() +
         9 * row.dependencies.size();
}

std::size_t end_of_page(std::uint64_t offset, std::uint32_t limit, std::size_t size) {
  const std::uint64_t rows =
      limit == 0 ? protocol::kPageRowsMax : std::min(limit, protocol::kPageRowsMax);
  return static_cast<std::size_t>(std::min<std::uint64_t>(offset + rows, size));
}

}  // namespace

Error no_pipeline(PipelineId id) {
  return {ErrorCode::kNotFound, "there is no " + to_string(id), to_string(id),
          "`landseer list` shows all"};
}

Error no_task(TaskId id) {
  return {ErrorCode::kNotFound, "there is no " + to_string(id), to_string(id),
          "`landseer tasks PIPELINE` shows those of a pipeline"};
}

Error no_workflow(WorkflowId id) {
  return {ErrorCode::kNotFound, "there is no " + to_string(id), to_string(id),
          "`landseer workflows PIPELINE` shows those of a pipeline"};
}

protocol::PipelineRow pipeline_row(const PipelineRecord& record) {
  const domain::Progress progress = record.scheduler->get_progress();
  protocol::PipelineRow row;
  row.pipeline = record.id();
  row.name = record.pipeline->name;
  row.state = record.state();
  row.policy = record.policy;
  row.priority = record.priority;
  const auto& dataset = record.pipeline->dataset;
  if (!dataset.name.empty()) row.dataset = dataset.name + ":" + dataset.variant;
  row.workflows = record.pipeline->workflows.size();
  row.workflows_completed = record.workflows_completed;
  row.total = progress.total;
  row.pending = progress.pending;
  row.ready = record.scheduler->ready_count();
  row.running = progress.running;
  row.completed = progress.completed;
  row.failed = progress.failed;
  row.skipped = progress.skipped;
  row.cancelled = progress.cancelled;
  row.cached = record.cached;
  row.submitted_at = record.submitted_at;
  row.finished_at = record.finished_at;
  row.pruned = record.pruned;
  row.owner = record.owner;
  row.paused_tasks = record.scheduler->paused_count();
  return row;
}

protocol::PipelineStatus pipeline_status(const State& state, const PipelineRecord& record,
                                         Placement& placement, bool tells_all) {
  protocol::PipelineStatus status;
  status.row = pipeline_row(record);
  status.row.eta_ms = eta_ms(state, record);
  status.version = record.version;
  for (const auto& stage : record.stages) {
    if (stage.total > 0) status.stages.push_back(stage);
  }
  status.prunings = pruning_rows(record.stop);
  if (std::string notice = rules_notice(record); !notice.empty()) {
    status.notices.push_back(std::move(notice));
  }
  if (!state.expiry_notice.empty() && !record.terminal()) {
    status.notices.push_back(state.expiry_notice);
  }
  if (std::string notice = pauses_notice(record); !notice.empty()) {
    status.notices.push_back(std::move(notice));
  }
  if (record.paused) {
    status.notices.push_back("paused: nothing new starts before `landseer resume " +
                             to_string(record.id()) + "`");
  } else if (!record.terminal()) {
    add_impossible(record, placement, status.notices);
    if (record.scheduler->ready_count() > 0) {
      add_notices(state, record, placement, tells_all, status.notices);
    }
  }
  return status;
}

protocol::PipelineList pipeline_list(const State& state, const Caller& caller, PipelineId after) {
  protocol::PipelineList list;
  const auto& all = state.pipelines.all();
  for (auto it = all.upper_bound(after); it != all.end(); ++it) {
    if (!sees(caller, *it->second)) continue;
    if (list.rows.size() >= protocol::kPageRowsMax) {
      list.more = true;
      break;
    }
    list.rows.push_back(pipeline_row(*it->second));
    list.rows.back().eta_ms = eta_ms(state, *it->second);
  }
  return list;
}

protocol::TaskRow task_row(const State& state, const PipelineRecord& record,
                           const domain::Task& task, const Caller& caller) {
  protocol::TaskRow row;
  row.task = task.id;
  row.pipeline = task.pipeline;
  row.key = task.key;
  row.tool = task.tool->name;
  row.is_baseline = task.tool->is_baseline;
  row.type = static_cast<std::uint8_t>(task.type);
  row.status = static_cast<std::uint8_t>(task.status);
  row.reason = task.reason;
  row.priority = task.priority;
  row.dependency_level = task.dependency_level();
  row.usage_counter = task.usage_counter();
  row.dependencies = task.dependencies;
  row.workflows = task.workflows;
  row.cached = task.cached;
  row.pruned = task.pruned;
  row.ready = record.scheduler->is_ready(task.id);
  row.paused = task.status == TaskStatus::kPending && record.scheduler->is_paused(task.id);
  const auto joined = state.joined.find(task.id);
  if (joined != state.joined.end() && record.scheduler->is_held(task.id) &&
      sees(caller, state.pipelines, joined->second)) {
    row.joined = joined->second;
  }
  const TaskRun* run = record.find_run(task.id);
  if (run != nullptr && !run->attempts.empty()) {
    const protocol::AttemptRow& last = run->attempts.back();
    row.attempts = last.attempt;
    row.worker = last.worker;
    row.started_at = last.started_at;
    row.finished_at = domain::is_terminal(task.status) ? last.finished_at : 0;
  }
  if (run != nullptr) {
    if (sees(caller, state.pipelines, run->cached_from)) row.cached_from = run->cached_from;
    row.evaluation_skipped = run->evaluation_skipped;
    row.artifact = run->artifact;
    row.artifact_bytes = run->artifact_bytes;
    row.metrics = run->metrics;
  }
  return row;
}

protocol::TaskList task_list(const State& state, const PipelineRecord& record,
                             const protocol::ListTasks& request, const Caller& caller) {
  protocol::TaskList list;
  const auto& tasks = record.pipeline->tasks;
  const std::size_t end = end_of_page(request.offset, request.limit, tasks.size());
  std::size_t bytes = 0;
  std::size_t i = static_cast<std::size_t>(std::min<std::uint64_t>(request.offset, tasks.size()));
  for (; i < end && bytes < kPageBytesMax; ++i) {
    const domain::Task& task = *tasks[i];
    if (request.status != 0 && static_cast<std::uint8_t>(task.status) != request.status) continue;
    if (!request.tool.empty() && task.tool->name != request.tool) continue;
    list.rows.push_back(task_row(state, record, task, caller));
    bytes += row_bytes(list.rows.back());
  }
  list.next_offset = i < tasks.size() ? i : 0;
  return list;
}

protocol::AttemptRow attempt_row(const State& state, const protocol::AttemptRow& attempt,
                                 const Caller& caller) {
  protocol::AttemptRow row = attempt;
  if (number(row.origin_task) != 0 && !sees(caller, state.pipelines, row.origin_task)) {
    row.origin_task = TaskId{};
    row.origin_attempt = 0;
  }
  return row;
}

protocol::TaskDetail task_detail(const State& state, const PipelineRecord& record,
                                 const domain::Task& task, const Caller& caller) {
  protocol::TaskDetail detail;
  detail.row = task_row(state, record, task, caller);
  detail.image = task.tool->container.image;
  detail.command = task.tool->container.command;
  detail.config = task.config.view();
  std::vector<domain::TaskKey> keys;
  for (const TaskId id : task.dependencies) keys.push_back(record.scheduler->find_task(id)->key);
  detail.key_ingredients = domain::key_ingredients(*task.tool, task.config.view(), *task.options,
                                                   record.key_context, keys);
  const TaskRun* run = record.find_run(task.id);
  if (run == nullptr) return detail;
  for (const protocol::AttemptRow& attempt : run->attempts) {
    detail.attempts.push_back(attempt_row(state, attempt, caller));
  }
  return detail;
}

protocol::WorkflowList workflow_list(const PipelineRecord& record,
                                     const protocol::ListWorkflows& request) {
  protocol::WorkflowList list;
  const auto& workflows = record.pipeline->workflows;
  const std::size_t end = end_of_page(request.offset, request.limit, workflows.size());
  std::size_t bytes = 0;
  std::size_t i =
      static_cast<std::size_t>(std::min<std::uint64_t>(request.offset, workflows.size()));
  for (; i < end && bytes < kPageBytesMax; ++i) {
    const domain::Workflow workflow = workflows[i];
    protocol::WorkflowRow row;
    row.workflow = workflow.id;
    row.name = workflow.name;
    TaskStatus status = workflow_status(workflow);
    const bool is_over = status == TaskStatus::kCompleted || status == TaskStatus::kFailed;
    if (!is_over && record.cancelled_workflows.contains(static_cast<std::uint32_t>(i))) {
      status = TaskStatus::kCancelled;  // what is left of it, others need
    }
    row.status = static_cast<std::uint8_t>(status);
    row.pruned = is_pruned(workflow, status);
    for (const auto& task : workflow.tasks) {
      row.tasks.push_back(task->id);
      if (task->status == TaskStatus::kCompleted) ++row.completed;
    }
    bytes += 100 + 9 * row.tasks.size();
    list.rows.push_back(std::move(row));
  }
  list.next_offset = i < workflows.size() ? i : 0;
  return list;
}

}  // namespace landseer::broker
