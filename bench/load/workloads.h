/// Each workload takes figures of its runs and prints one JSON object. docs/performance.md says
/// what they mean.
#pragma once

#include <cstddef>
#include <string>

#include "bench/load/cluster.h"

namespace landseer::bench {

struct LoadOptions {
  std::string folder = "bench-load";  ///< for the cluster's state: on the disk that is measured
  std::size_t tasks = 0;              ///< 0: what the workload is defined with
  std::size_t workers = 2000;         ///< of `crowd`
  int runs = 5;
  int seconds = 20;  ///< of `crowd`
  bool with_keys = true;
};

/// Independent (W1) or the grid (W3): from the submission until the client knows of the end.
void measure_throughput(const LoadOptions& options, bool grid);
/// W4: a task alone, and from the end of one to the start of another that waits for it.
void measure_latency(const LoadOptions& options);
/// W5: what the broker holds for each pending task.
void measure_memory(const LoadOptions& options);
/// W6: killed with live tasks, until it is ready again.
void measure_restart(const LoadOptions& options);
/// W7 over the wire: answers to heartbeats of many workers while tasks are placed and end.
void measure_crowd(const LoadOptions& options);

}  // namespace landseer::bench
