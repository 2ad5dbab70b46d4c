/// What the worker offers and how much of it is in use: milli-CPUs, memory, and each GPU by index.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/protocol/worker_messages.h"

namespace landseer::worker {

class Slots {
 public:
  explicit Slots(const protocol::Hello& offer);

  /// Takes what the spec asks for and names the GPUs; empty if it does not fit now. A request below
  /// one GPU shares the fullest one that has room; above, whole idle GPUs are taken.
  std::optional<std::vector<std::uint32_t>> take(const protocol::WorkSpec& spec);
  void give_back(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus);

 private:
  struct Gpu {
    std::uint32_t index = 0;
    std::uint32_t free_milli = 1000;
  };
  std::optional<std::vector<std::uint32_t>> take_gpus(std::uint32_t milli);

  std::int64_t cpus_free_milli_;
  std::int64_t memory_free_bytes_;
  std::vector<Gpu> gpus_;
};

}  // namespace landseer::worker
