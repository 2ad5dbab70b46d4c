/// Answers to clients, built from the tables. Nothing here changes anything.
#pragma once

#include "broker/core/placement.h"
#include "broker/core/reservations.h"
#include "broker/core/state.h"
#include "common/protocol/client_messages.h"

namespace landseer::broker {

Error no_pipeline(PipelineId id);
Error no_task(TaskId id);
Error no_workflow(WorkflowId id);

/// Without `eta_ms`.
protocol::PipelineRow pipeline_row(const PipelineRecord& record);
/// `tells_all`: to somebody who sees all pipelines.
protocol::PipelineStatus pipeline_status(const State& state, const PipelineRecord& record,
                                         Placement& placement, bool tells_all);
/// Those the caller sees.
protocol::PipelineList pipeline_list(const State& state, const Caller& caller, PipelineId after);
/// Rows of a task name another one whose work it shares, unless that is none the caller may see.
protocol::TaskRow task_row(const State& state, const PipelineRecord& record,
                           const domain::Task& task, const Caller& caller);
protocol::AttemptRow attempt_row(const State& state, const protocol::AttemptRow& attempt,
                                 const Caller& caller);
protocol::TaskList task_list(const State& state, const PipelineRecord& record,
                             const protocol::ListTasks& request, const Caller& caller);
protocol::TaskDetail task_detail(const State& state, const PipelineRecord& record,
                                 const domain::Task& task, const Caller& caller);
protocol::WorkflowList workflow_list(const PipelineRecord& record,
                                     const protocol::ListWorkflows& request);
/// What is about tasks that the caller may not see is left out.
protocol::WorkerList worker_list(const State& state, const Reservations& reservations,
                                 const Caller& caller, WorkerId after);

// forecast_queries.cc: what a client forecasts from
protocol::ToolTimeList tool_times(const State& state, const protocol::GetToolTimes& request);
protocol::OfferList offer_list(const State& state, WorkerId after);
protocol::GraphPage graph_page(const PipelineRecord& record, std::uint64_t offset, WallTime now);

}  // namespace landseer::broker
