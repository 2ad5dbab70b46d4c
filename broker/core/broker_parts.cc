/// What clients decide about parts of pipelines, and which pipeline goes first.
#include <algorithm>

#include "broker/core/broker.h"
#include "broker/core/parts.h"
#include "common/base/text.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

using domain::TaskPtr;
using domain::TaskStatus;
using protocol::Selection;

/// Workflows that a pipeline remembers as cancelled, as ranges: what a snapshot keeps of it is one
/// item.
constexpr std::size_t kCancelledRangesMax = 50'000;

Error no_tool(const PipelineRecord& record, const std::string& tool) {
  std::set<std::string> names;
  for (const TaskPtr& task : record.pipeline->tasks) names.insert(task->tool->name);
  const std::vector<std::string> known(names.begin(), names.end());
  const std::string nearest = nearest_word(tool, known);
  return {ErrorCode::kNotFound, to_string(record.id()) + " has no tool '" + tool + "'", "--tool",
          nearest.empty() ? "`landseer tasks " + to_string(record.id()) + "` shows its tools"
                          : "did you mean '" + nearest + "'?"};
}

bool is_of_one_kind(const Selection& what) {
  const int kinds = int{number(what.task) != 0} + int{!what.tool.empty()} +
                    int{!what.workflows.empty()} + int{what.pruned};
  return kinds <= 1 && (kinds == 1 || number(what.pipeline) != 0);
}

/// Nothing in it can be cancelled.
Error all_over(const PipelineRecord& record, const Selection& what) {
  const std::string id = to_string(record.id());
  if (!what.tool.empty()) {
    return {ErrorCode::kConflict,
            "there is nothing to cancel: all tasks of '" + what.tool + "' in " + id +
                " are over or being stopped",
            id, "`landseer tasks " + id + " --tool " + what.tool + "` shows them"};
  }
  return {ErrorCode::kConflict,
          "there is nothing to cancel: these workflows of " + id + " are over or cancelled already",
          id, "`landseer workflows " + id + "` shows them"};
}

CancelPlan plan_of_everything(const PipelineRecord& record) {
  CancelPlan plan;
  for (const TaskPtr& task : record.pipeline->tasks) {
    if (task->status == TaskStatus::kPending) plan.pending.push_back(task);
    if (task->status == TaskStatus::kRunning) plan.running.push_back(task);
  }
  plan.workflows = record.pipeline->workflows.size() - record.workflows_completed;
  return plan;
}

CancelPlan plan_of_task(const PipelineRecord& record, const TaskPtr& task) {
  CancelPlan plan;
  if (domain::is_terminal(task->status)) return plan;
  (task->status == TaskStatus::kPending ? plan.pending : plan.running).push_back(task);
  for (const TaskPtr& below : record.scheduler->below(std::vector{task})) {
    if (below->status == TaskStatus::kPending) ++plan.skipped;
  }
  plan.workflows = task->workflows.size();
  return plan;
}

}  // namespace

Result<PipelineRecord*> Broker::find_part(const Selection& what) {
  if (!is_of_one_kind(what)) {
    return fail(ErrorCode::kInvalid,
                "a pipeline, a task, a tool of a pipeline or workflows must be named", "request",
                "check the client");
  }
  if (number(what.task) != 0) return find_target(PipelineId{}, what.task);
  PipelineRecord* record = nullptr;
  if (!what.workflows.empty()) {
    auto found = find_workflows(what);
    if (!found) return found;
    record = *found;
  } else {
    record = state_.pipelines.find(what.pipeline);
    if (record == nullptr) return tl::make_unexpected(no_pipeline(what.pipeline));
  }
  if (!what.tool.empty()) {
    const auto& tasks = record->pipeline->tasks;
    const bool any = std::any_of(tasks.begin(), tasks.end(), [&](const TaskPtr& task) {
      return task->tool->name == what.tool;
    });
    if (!any) return tl::make_unexpected(no_tool(*record, what.tool));
  }
  return record;
}

Result<PipelineRecord*> Broker::find_workflows(const Selection& what) {
  if (what.workflows.size() > protocol::kWorkflowRangesMax) {
    return fail(ErrorCode::kLimit,
                std::to_string(what.workflows.size()) + " ranges of workflows are more than " +
                    std::to_string(protocol::kWorkflowRangesMax),
                "request", "name fewer at a time, or wider ranges");
  }
  PipelineRecord* record = state_.pipelines.find_workflow(what.workflows.front().first);
  for (const auto& [first, last] : what.workflows) {
    if (last < first) {
      return fail(ErrorCode::kInvalid,
                  "the range " + to_string(first) + " to " + to_string(last) + " runs backwards",
                  "request", "write the smaller number first");
    }
    for (const WorkflowId id : {first, last}) {
      const PipelineRecord* owner = state_.pipelines.find_workflow(id);
      if (owner == nullptr) return tl::make_unexpected(no_workflow(id));
      if (owner == record && (number(what.pipeline) == 0 || what.pipeline == owner->id())) continue;
      return fail(ErrorCode::kInvalid,
                  to_string(id) + " belongs to " + to_string(owner->id()) + ", not to " +
                      to_string(number(what.pipeline) != 0 ? what.pipeline : record->id()),
                  to_string(id), "name workflows of one pipeline at a time");
    }
  }
  return record;
}

void Broker::on_client(const FromClientPeer& from, const protocol::CancelPart& m, const Now& now,
                       Outbox& out) {
  auto cancelled = cancel_part(m, now, out);
  if (cancelled) {
    reply(from, *cancelled, out);
  } else {
    reply_error(from, cancelled.error(), out);
  }
}

Result<protocol::Cancelled> Broker::cancel_part(const protocol::CancelPart& m, const Now& now,
                                                Outbox& out) {
  const auto found = find_part(m.what);
  if (!found) return tl::make_unexpected(found.error());
  PipelineRecord& record = **found;
  if (m.what.pruned) {
    return fail(ErrorCode::kInvalid, "what was pruned cannot be cancelled", "request",
                "check the client");
  }
  if (m.what.tool.empty() && m.what.workflows.empty()) {
    const bool is_task = number(m.what.task) != 0;
    const protocol::Cancel whole{is_task ? PipelineId{} : record.id(), m.what.task};
    if (!m.plan_only) return cancel(whole, now, out);
    if (auto good = may_cancel(whole); !good) return tl::make_unexpected(good.error());
    return lifecycle_.foresee(
        record, is_task ? plan_of_task(record, record.scheduler->find_task(m.what.task))
                        : plan_of_everything(record));
  }
  const CancelRequested request{record.id(), TaskId{}, now.wall.unix_ms, m.what.tool,
                                m.what.workflows};
  const CancelPlan plan = plan_cancel(record, request);
  std::set<std::uint32_t> remembered = record.cancelled_workflows;
  for (const std::uint32_t index : workflow_indices(record, request.workflows)) {
    remembered.insert(index);
  }
  const bool is_new = plan.workflows > 0 && remembered != record.cancelled_workflows;
  if (plan.empty() && !is_new) return tl::make_unexpected(all_over(record, m.what));
  if (workflow_ranges(record, remembered).size() > kCancelledRangesMax) {
    return fail(ErrorCode::kLimit,
                "more than " + std::to_string(kCancelledRangesMax) +
                    " separate ranges of workflows would be cancelled in " + to_string(record.id()),
                to_string(record.id()), "cancel wider ranges, or the pipeline");
  }
  if (m.plan_only) return lifecycle_.foresee(record, plan);
  return lifecycle_.cancel_part(record, request, now, out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::RetryPart& m, const Now& now,
                       Outbox& out) {
  auto retried = retry_part(m, now, out);
  if (retried) {
    reply(from, *retried, out);
  } else {
    reply_error(from, retried.error(), out);
  }
}

Result<protocol::Retried> Broker::retry_part(const protocol::RetryPart& m, const Now& now,
                                             Outbox& out) {
  const auto found = find_part(m.what);
  if (!found) return tl::make_unexpected(found.error());
  PipelineRecord& record = **found;
  const RetryRequested request{record.id(), TaskId{},         now.wall.unix_ms,
                               m.what.tool, m.what.workflows, m.what.pruned};
  if (!is_part(request)) {
    const bool is_task = number(m.what.task) != 0;
    return retry({is_task ? PipelineId{} : record.id(), m.what.task}, now, out);
  }
  if (auto good = may_retry(record); !good) return tl::make_unexpected(good.error());
  for (const TaskPtr& task : tasks_of_part(record, request)) {
    const TaskRun* run = record.find_run(task->id);
    if (task->status != TaskStatus::kRunning || !run->cancel_requested) continue;
    return fail(
        ErrorCode::kConflict, "the attempt of " + to_string(task->id) + " is still being stopped",
        to_string(task->id),
        "retry when `landseer task " + to_string(task->id) + "` shows that it is cancelled");
  }
  if (!ledger_.has_effect(request)) {
    return fail(ErrorCode::kConflict,
                "there is nothing to retry: none of these tasks of " + to_string(record.id()) +
                    " failed, was skipped or cancelled, unless something above it did",
                to_string(record.id()),
                "`landseer tasks " + to_string(record.id()) + "` shows how they are");
  }
  const std::uint64_t pending = record.scheduler->get_progress().pending;
  ledger_.commit(request, now, out);
  return protocol::Retried{record.scheduler->get_progress().pending - pending, record.paused};
}

void Broker::on_client(const FromClientPeer& from, const protocol::SetPriority& m, const Now& now,
                       Outbox& out) {
  PipelineRecord* record = state_.pipelines.find(m.pipeline);
  if (record == nullptr) return reply_error(from, no_pipeline(m.pipeline), out);
  const std::string id = to_string(m.pipeline);
  if (m.priority < -protocol::kPriorityMax || m.priority > protocol::kPriorityMax) {
    return reply_error(from,
                       {ErrorCode::kInvalid,
                        "the priority " + std::to_string(m.priority) + " is not between -" +
                            std::to_string(protocol::kPriorityMax) + " and " +
                            std::to_string(protocol::kPriorityMax),
                        id, "choose a smaller number"},
                       out);
  }
  if (record->terminal()) {
    return reply_error(from,
                       {ErrorCode::kConflict,
                        "cannot change the priority of " + id + ": it is " +
                            std::string(to_string(record->state())),
                        id, "only pipelines that are not finished compete with others"},
                       out);
  }
  const std::int64_t before = record->priority;
  if (before != m.priority) {
    ledger_.commit(PriorityChanged{m.pipeline, m.priority, now.wall.unix_ms}, now, out);
  }
  reply(from, protocol::PrioritySet{before}, out);
}

}  // namespace landseer::broker
