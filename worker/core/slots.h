/// What the worker offers and how much of it is in use: milli-CPUs, memory, scratch disk, named
/// resources, and each GPU by index.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/domain/gpu_pool.h"
#include "common/protocol/worker_messages.h"

namespace landseer::worker {

/// What an attempt takes of the host, in words; empty if that are GPUs too, which have numbers.
std::string slot_of(const protocol::WorkSpec& spec);

class Slots {
 public:
  explicit Slots(const protocol::Hello& offer);

  /// Takes what the spec asks for and names the GPUs; empty if it does not fit now. GPUs are given
  /// out as domain::GpuPool says.
  std::optional<std::vector<std::uint32_t>> take(const protocol::WorkSpec& spec);
  /// Takes what an attempt has that was started before: even if more is in use then than is
  /// offered.
  void occupy(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus);
  void give_back(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus);
  /// A GPU that is not usable is not taken; who has it keeps it.
  void set_usable(std::uint32_t gpu, bool usable) { gpus_.set_usable(gpu, usable); }
  /// Nobody has a share of it.
  bool is_idle(std::uint32_t gpu) const { return gpus_.is_idle(gpu); }

 private:
  bool has_room(const protocol::WorkSpec& spec) const;
  void change(const protocol::WorkSpec& spec, int sign);

  std::int64_t cpus_free_milli_;
  std::int64_t memory_free_bytes_;
  std::int64_t scratch_free_bytes_;
  std::int64_t tasks_free_;
  std::map<std::string, std::int64_t> named_free_;
  domain::GpuPool gpus_;
};

}  // namespace landseer::worker
