/// What the connected workers are together. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/protocol/client_rows.h"

namespace landseer::gateway {

struct Machines {
  std::size_t connected = 0;
  std::uint64_t cpus_milli = 0;  ///< this and what follows: of the connected ones
  std::uint64_t cpus_free_milli = 0;
  std::size_t gpus = 0;
  std::size_t gpus_faulty = 0;
  std::uint64_t gpus_free_milli = 0;
  std::vector<std::string> unfit;  ///< names of those that get no work
};

Machines look_at(const std::vector<protocol::WorkerRow>& workers);

/// A GPU as a worker's row has it: `0:T4 (fell off the bus)`.
struct GpuText {
  std::uint32_t index = 0;
  std::string model;
  std::string fault;
};
GpuText read_gpu(const std::string& text);

}  // namespace landseer::gateway
