/// Pipelines for measuring policies: full products of tools, with run times drawn from a seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/forecast/running_pipeline.h"
#include "common/protocol/submission.h"
#include "common/protocol/worker_messages.h"

namespace landseer::bench {

/// A product of stages in their order: so many tools each, of about so many minutes.
struct Product {
  std::vector<std::uint32_t> tools{4, 5, 6, 3};
  std::vector<double> minutes{10, 60, 20, 5};
};

/// A pipeline, and how long each of its tasks runs, by their order in the submission.
struct Workload {
  protocol::Submission submission;
  std::vector<std::int64_t> run_ms;
  std::vector<std::int64_t> tool_ms;  ///< what each tool's tasks vary around

  /// The least time it can take on so many GPUs: all its work, evenly spread, or its longest path.
  double lower_bound_ms(std::uint32_t gpus) const;
  /// For a VirtualCluster, which must not outlive this.
  forecast::Job job(std::int64_t after_ms = 0) const;
};

/// So many workers of one GPU each, of room for one task.
std::vector<protocol::Hello> gpu_workers(std::uint32_t gpus);

/// Log-normal times: `tool_seed` draws each tool's, 0.6 wide, and `seed` how far each task is from
/// its tool, 0.1 wide. Source: docs/testing.md, "Scheduling quality".
Workload make_product(const Product& product, const std::string& name, const std::string& policy,
                      std::uint64_t tool_seed, std::uint64_t seed);

/// The same with a tool for each task: with a history, all of its times are known exactly.
Workload make_exact(const Workload& workload);

/// One task of each tool of `workload`, alone, `times` times over: what a history would have shown.
Workload make_history(const Workload& workload, std::uint32_t times);

}  // namespace landseer::bench
