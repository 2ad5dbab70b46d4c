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
  /// one GPU shares the fullest one that has room; above, whole idle GPUs are taken, rounded up
  /// (1.5 is two). Memory wanted on a GPU is taken from each; one whose memory is not known has
  /// none to give.
  std::optional<std::vector<std::uint32_t>> take(const protocol::WorkSpec& spec);
  /// Takes what an attempt has that was started before: even if more is in use then than is
  /// offered.
  void occupy(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus);
  void give_back(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus);
  /// A GPU that is not usable is not taken; who has it keeps it.
  void set_usable(std::uint32_t gpu, bool usable);
  /// Nobody has a share of it.
  bool is_idle(std::uint32_t gpu) const;

 private:
  struct Gpu {
    std::uint32_t index = 0;
    std::int64_t free_milli = 1000;
    std::int64_t free_bytes = 0;
    std::uint32_t users = 0;
    bool usable = true;
  };
  std::optional<std::vector<std::uint32_t>> take_gpus(const protocol::WorkSpec& spec);
  static void change(Gpu& gpu, const protocol::WorkSpec& spec, int sign);

  std::int64_t cpus_free_milli_;
  std::int64_t memory_free_bytes_;
  std::vector<Gpu> gpus_;
};

}  // namespace landseer::worker
