/// One number that stands for everything the store remembers. The ledger keeps it up to date with
/// every record, the store writes it with every group, and a recovery that arrives at another
/// number is refused: it would go on from something that never was.
///
/// A sum of parts, so that a change costs only what it touches. It guards against mistakes, not
/// against malice: what is on the disk is guarded by SHA-256.
#pragma once

#include <cstdint>

#include "broker/core/pipeline_table.h"
#include "broker/core/tool_times.h"
#include "broker/core/worker_table.h"

namespace landseer::broker {

/// Part of one task with this status. 0 for a pending task that never ran, so that a new pipeline
/// costs nothing.
std::uint64_t fingerprint(const domain::Task& task, domain::TaskStatus status, const TaskRun* run);
/// Part of a pipeline without its tasks.
std::uint64_t fingerprint(const PipelineRecord& record);
std::uint64_t fingerprint(const WorkerRecord& worker);
/// Part of what is known about a tool's times. 0 without a device: stores of before there was one
/// keep their fingerprints. For the same reason spreads and sizes are no part of it.
std::uint64_t fingerprint(const std::string& tool, const std::string& device, const ToolTime& time);
/// Part of a pipeline's tasks. O(tasks).
std::uint64_t fingerprint_of_tasks(const PipelineRecord& record);

}  // namespace landseer::broker
