/// From a pipeline file to the workflows and tasks it means. The count comes first and by formula,
/// because expansion is exponential: ten tools in one stage are 9,864,101 options. Pure; any
/// thread. Normative text: docs/pipelines.md, "Expansion".
#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "common/protocol/submission.h"
#include "submitter/pipeline/expansion.h"
#include "submitter/pipeline/file.h"

namespace landseer::pipeline {

/// Above it `plan` and `submit` refuse, unless told otherwise.
inline constexpr std::uint64_t kDefaultMaxWorkflows = 100'000;

/// Each saturates at 2^64 - 1.
struct Counts {
  std::uint64_t workflows = 0;
  std::uint64_t task_instances = 0;  ///< tasks summed over workflows, evaluations aside
  std::uint64_t tasks = 0;           ///< distinct ones, evaluations aside
  std::uint64_t evaluations = 0;     ///< distinct evaluation tasks
  bool operator==(const Counts&) const = default;
};

/// Exact, with one exception: when entries of the file are equal work (a tool listed twice) *and*
/// there are more than 100,000 workflows, `tasks` and `evaluations` are the formula's upper bound.
/// The native form has its own workflows and ignores `expansion`.
Counts count(const PipelineFile& file, Expansion expansion);

/// Tasks are distinct by tool, configuration, environment and dependencies, in the order in which
/// workflows reach them; dependencies point backwards. The submission has no id, and the model
/// script as far as it was read. More than `max_workflows`, or more than the protocol's limits, is
/// kLimit with the count in the message.
Result<protocol::Submission> expand(const PipelineFile& file, Expansion expansion,
                                    std::uint64_t max_workflows = kDefaultMaxWorkflows);

}  // namespace landseer::pipeline
