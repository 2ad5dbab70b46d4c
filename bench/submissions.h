/// The pipelines that workloads are made of: no-op tasks of 40 tools, each with a configuration of
/// its own. docs/performance.md, "Workloads".
#pragma once

#include <cstddef>
#include <string>

#include "common/protocol/submission.h"

namespace landseer::bench {

/// Tasks that depend on nothing, one workflow for each.
protocol::Submission independent_tasks(std::size_t count, const std::string& id);

/// Four stages of ten tools, each task under each of the stage before: 10, 100, 1,000 and 10,000
/// tasks, and a workflow for each of the last; the next 11,110 are such a grid again. `count` in
/// all.
protocol::Submission grid_tasks(std::size_t count, const std::string& id);

}  // namespace landseer::bench
