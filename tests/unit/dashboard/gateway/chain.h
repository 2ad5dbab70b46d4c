/// A pipeline of one workflow whose tasks depend on each other in a row, for tests.
#pragma once

#include "dashboard/gateway/pipeline_model.h"

namespace landseer::gateway {

inline PipelineContent chain_content(std::size_t tasks) {
  PipelineContent content;
  protocol::WorkflowRow workflow;
  workflow.workflow = WorkflowId{1};
  workflow.name = "w";
  for (std::size_t i = 0; i < tasks; ++i) {
    protocol::TaskRow row;
    row.task = TaskId{i + 1};
    row.pipeline = PipelineId{1};
    row.tool = "tool" + std::to_string(i);
    row.type = 1;
    row.status = static_cast<std::uint8_t>(domain::TaskStatus::kPending);
    row.ready = i == 0;
    row.workflows = {WorkflowId{1}};
    if (i > 0) row.dependencies = {TaskId{i}};
    workflow.tasks.push_back(row.task);
    content.tasks.push_back(std::move(row));
  }
  content.workflows = {workflow};
  return content;
}

inline PipelineModel loaded_chain(std::size_t tasks) {
  protocol::PipelineRow row;
  row.pipeline = PipelineId{1};
  PipelineModel model(row);
  model.fill(chain_content(tasks));
  return model;
}

/// Of the task with this index, with its `attempts`th attempt.
inline protocol::TaskChange change_to(std::size_t index, domain::TaskStatus status,
                                      std::uint32_t attempts) {
  protocol::TaskChange change;
  change.row = chain_content(index + 1).tasks.back();
  change.row.dependencies.clear();
  change.row.workflows.clear();
  change.row.status = static_cast<std::uint8_t>(status);
  change.row.attempts = attempts;
  change.row.ready = false;
  change.last.attempt = attempts;
  change.last.worker_id = WorkerId{1};
  change.last.assigned_at = 100;
  return change;
}

}  // namespace landseer::gateway
