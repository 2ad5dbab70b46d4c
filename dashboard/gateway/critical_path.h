/// What a pipeline waits for in the end: the chain of tasks, each needed by the next, that takes
/// longest from now, and how it came to where it is. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "dashboard/gateway/pipeline_model.h"

namespace landseer::gateway {

/// Milliseconds that attempts of a tool took, by its name; those that were measured.
using ToolTimes = std::unordered_map<std::string, std::int64_t>;

/// How long a task of each tool of a pipeline is expected to take: as it was measured, else as the
/// measured tools of its stage do, or all, else one second.
class Expectations {
 public:
  Expectations(const std::vector<protocol::TaskRow>& tasks, const ToolTimes& times);

  /// 1 or more.
  std::int64_t of(const protocol::TaskRow& task) const { return tools_.at(task.tool).ms; }
  bool is_measured(const protocol::TaskRow& task) const { return tools_.at(task.tool).measured; }

 private:
  struct Tool {
    std::int64_t ms = 1;
    bool measured = false;
  };
  std::unordered_map<std::string, Tool> tools_;
};

struct CriticalPath {
  struct Step {
    std::size_t task = 0;           ///< index in the model
    std::int64_t expected_ms = 0;   ///< as a whole
    std::int64_t remaining_ms = 0;  ///< 0: it is over, or runs for longer than expected
  };
  std::vector<Step> steps;  ///< in the order in which they run; first those that are over
  std::int64_t remaining_ms = 0;
  bool is_measured = true;  ///< what remains is counted in measured times only
};

/// Of a loaded pipeline. Enough workers are assumed, so nothing can end earlier; O(tasks and
/// dependencies). When all is over it is what ended last, and what that waited for.
CriticalPath find_critical_path(const PipelineModel& model, const ToolTimes& times,
                                std::int64_t now_ms);

}  // namespace landseer::gateway
