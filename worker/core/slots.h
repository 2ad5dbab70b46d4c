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
  /// Takes what an attempt has that was started before: even if more is in use then than is
  /// offered.
  void occupy(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus);
  void give_back(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus);

 private:
  struct Gpu {
    std::uint32_t index = 0;
    std::int64_t free_milli = 1000;
  };
  std::optional<std::vector<std::uint32_t>> take_gpus(std::uint32_t milli);

  std::int64_t cpus_free_milli_;
  std::int64_t memory_free_bytes_;
  std::vector<Gpu> gpus_;
};

}  // namespace landseer::worker
