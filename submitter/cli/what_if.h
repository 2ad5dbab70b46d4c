/// Workers that a user imagines: `8xA100,4xT4:cpus=16,2xcpu`. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/submission.h"
#include "common/protocol/worker_messages.h"

namespace landseer::cli {

/// So many alike.
struct WorkerGroup {
  std::uint32_t count = 1;
  std::string model;                   ///< of its GPUs; empty: it has none
  std::uint32_t gpus = 1;              ///< of each worker with a model
  std::uint32_t cpus_milli = 0;        ///< 0: kCpusMilli for each GPU, or for a worker without any
  std::uint64_t memory_bytes = 0;      ///< 0: whatever a task may ask for
  std::uint64_t gpu_memory_bytes = 0;  ///< 0: likewise, of each GPU
  bool operator==(const WorkerGroup&) const = default;
};

inline constexpr std::uint32_t kCpusMilli = 8000;
inline constexpr std::uint32_t kWhatIfWorkersMax = 5000;  ///< as many as a broker knows

/// kInvalid with the part that is wrong.
Result<std::vector<WorkerGroup>> parse_workers(std::string_view text);

/// What they would offer for this pipeline: its data set and every runtime it names.
std::vector<protocol::Hello> offers_of(const std::vector<WorkerGroup>& groups,
                                       const protocol::Submission& pipeline);

}  // namespace landseer::cli
