/// Which tasks a part of a pipeline is: what is cancelled with it, what others need, what is tried
/// again. Looks only; the ledger changes. docs/architecture.md, "Parts of a pipeline".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/core/pipeline_table.h"
#include "broker/core/records.h"

namespace landseer::broker {

struct CancelPlan {
  std::vector<domain::TaskPtr> pending;  ///< end at once
  std::vector<domain::TaskPtr> running;  ///< end when their attempts are stopped
  std::uint64_t skipped = 0;             ///< what else depends on these
  std::uint64_t shared = 0;              ///< tasks of the workflows that others need
  std::uint64_t workflows = 0;           ///< that will not be complete because of it
  std::string reason;                    ///< of each task

  bool empty() const { return pending.empty() && running.empty(); }
};

/// Of a request that names a tool or workflows. A task of the workflows ends if no live workflow
/// has it, and nothing that goes on depends on it. Live is one that was not cancelled, and none of
/// whose tasks was. O(the workflows that share tasks with these).
CancelPlan plan_cancel(const PipelineRecord& record, const CancelRequested& r);

/// The indices of workflows, each once, in order. Those of other pipelines are left out.
std::vector<std::uint32_t> workflow_indices(const PipelineRecord& record,
                                            const std::vector<protocol::WorkflowRange>& ranges);
/// The other way round, as few ranges as possible.
std::vector<protocol::WorkflowRange> workflow_ranges(const PipelineRecord& record,
                                                     const std::set<std::uint32_t>& indices);

/// The tasks of a part that is to be retried, each once.
std::vector<domain::TaskPtr> tasks_of_part(const PipelineRecord& record, const RetryRequested& r);
/// Names a part rather than one task or everything.
bool is_part(const RetryRequested& r);
bool is_part(const CancelRequested& r);

}  // namespace landseer::broker
