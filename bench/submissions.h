/// The pipelines and workers that workloads are made of: tasks of 40 tools, each with a
/// configuration of its own, no-ops unless said otherwise. docs/performance.md, "Workloads".
#pragma once

#include <cstddef>
#include <string>

#include "common/protocol/submission.h"
#include "common/protocol/worker_messages.h"

namespace landseer::bench {

/// Tasks that depend on nothing, one workflow for each.
protocol::Submission independent_tasks(std::size_t count, const std::string& id);

/// Four stages of ten tools, each task under each of the stage before: 10, 100, 1,000 and 10,000
/// tasks, and a workflow for each of the last; the next 11,110 are such a grid again. `count` in
/// all.
protocol::Submission grid_tasks(std::size_t count, const std::string& id);

/// Independent tasks of the process runtime that ask for 100 different things: five numbers of
/// CPUs, four of GPUs, five of memory. Not shared with other pipelines.
protocol::Submission unlike_tasks(std::size_t count, const std::string& id);

/// What a worker says of itself, each by its number another size.
protocol::Hello unlike_worker(std::size_t worker, std::uint64_t instance);

}  // namespace landseer::bench
