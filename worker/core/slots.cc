#include "worker/core/slots.h"

#include <algorithm>
#include <limits>

namespace landseer::worker {
namespace {

domain::GpuWish wish_of(const protocol::WorkSpec& spec) {
  return {spec.gpus_milli, spec.gpu_memory_bytes, spec.gpu_model};
}

}  // namespace

Slots::Slots(const protocol::Hello& offer)
    : cpus_free_milli_(offer.cpus_milli),
      memory_free_bytes_(static_cast<std::int64_t>(offer.memory_bytes)),
      scratch_free_bytes_(static_cast<std::int64_t>(offer.scratch_bytes)),
      tasks_free_(offer.tasks_max != 0 ? offer.tasks_max
                                       : std::numeric_limits<std::int64_t>::max()) {
  for (const auto& [name, amount] : offer.named) {
    named_free_[name] = static_cast<std::int64_t>(amount);
  }
  for (const auto& gpu : offer.gpus) {
    gpus_.add(gpu.index, gpu.model, gpu.memory_bytes, gpu.fault.empty());
  }
}

std::string slot_of(const protocol::WorkSpec& spec) {
  if (spec.gpus_milli != 0) return {};
  std::string slot = std::to_string(spec.cpus_milli) + "/" + std::to_string(spec.memory_bytes) +
                     "/" + std::to_string(spec.scratch_bytes);
  for (const auto& [name, amount] : spec.named) slot += "/" + name + "=" + std::to_string(amount);
  return slot;
}

bool Slots::has_room(const protocol::WorkSpec& spec) const {
  const auto has_named = [&](const protocol::NamedAmount& wanted) {
    const auto found = named_free_.find(wanted.name);
    return found != named_free_.end() && found->second >= static_cast<std::int64_t>(wanted.amount);
  };
  return tasks_free_ > 0 && cpus_free_milli_ >= std::int64_t{spec.cpus_milli} &&
         memory_free_bytes_ >= static_cast<std::int64_t>(spec.memory_bytes) &&
         scratch_free_bytes_ >= static_cast<std::int64_t>(spec.scratch_bytes) &&
         std::all_of(spec.named.begin(), spec.named.end(), has_named);
}

void Slots::change(const protocol::WorkSpec& spec, int sign) {
  tasks_free_ += sign;
  cpus_free_milli_ += sign * std::int64_t{spec.cpus_milli};
  memory_free_bytes_ += sign * static_cast<std::int64_t>(spec.memory_bytes);
  scratch_free_bytes_ += sign * static_cast<std::int64_t>(spec.scratch_bytes);
  for (const auto& [name, amount] : spec.named) {
    named_free_[name] += sign * static_cast<std::int64_t>(amount);
  }
}

std::optional<std::vector<std::uint32_t>> Slots::take(const protocol::WorkSpec& spec) {
  if (!has_room(spec)) return std::nullopt;
  auto gpus = gpus_.take(wish_of(spec));
  if (gpus) change(spec, -1);
  return gpus;
}

void Slots::occupy(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus) {
  change(spec, -1);
  gpus_.occupy(wish_of(spec), gpus);
}

void Slots::give_back(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus) {
  change(spec, 1);
  gpus_.give_back(wish_of(spec), gpus);
}

}  // namespace landseer::worker
