#include "worker/core/slots.h"

#include <algorithm>

namespace landseer::worker {
namespace {

constexpr std::uint32_t kWholeMilli = 1000;

/// What one of the GPUs of a request gives.
std::uint32_t share(std::uint32_t milli) { return std::min(milli, kWholeMilli); }

}  // namespace

Slots::Slots(const protocol::Hello& offer)
    : cpus_free_milli_(offer.cpus_milli),
      memory_free_bytes_(static_cast<std::int64_t>(offer.memory_bytes)) {
  for (const auto& gpu : offer.gpus) gpus_.push_back({gpu.index, kWholeMilli});
}

std::optional<std::vector<std::uint32_t>> Slots::take_gpus(std::uint32_t milli) {
  std::vector<std::uint32_t> taken;
  std::vector<Gpu*> fitting;
  for (Gpu& gpu : gpus_) {
    if (gpu.free_milli >= std::int64_t{share(milli)}) fitting.push_back(&gpu);
  }
  const std::size_t wanted = (milli + kWholeMilli - 1) / kWholeMilli;
  if (fitting.size() < wanted) return std::nullopt;
  std::stable_sort(fitting.begin(), fitting.end(),
                   [](const Gpu* a, const Gpu* b) { return a->free_milli < b->free_milli; });
  for (std::size_t i = 0; i < wanted; ++i) {
    fitting[i]->free_milli -= share(milli);
    taken.push_back(fitting[i]->index);
  }
  return taken;
}

std::optional<std::vector<std::uint32_t>> Slots::take(const protocol::WorkSpec& spec) {
  if (cpus_free_milli_ < std::int64_t{spec.cpus_milli} ||
      memory_free_bytes_ < static_cast<std::int64_t>(spec.memory_bytes)) {
    return std::nullopt;
  }
  auto gpus = take_gpus(spec.gpus_milli);
  if (!gpus) return std::nullopt;
  cpus_free_milli_ -= spec.cpus_milli;
  memory_free_bytes_ -= static_cast<std::int64_t>(spec.memory_bytes);
  return gpus;
}

void Slots::occupy(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus) {
  cpus_free_milli_ -= spec.cpus_milli;
  memory_free_bytes_ -= static_cast<std::int64_t>(spec.memory_bytes);
  for (const std::uint32_t index : gpus) {
    for (Gpu& gpu : gpus_) {
      if (gpu.index == index) gpu.free_milli -= share(spec.gpus_milli);
    }
  }
}

void Slots::give_back(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus) {
  cpus_free_milli_ += spec.cpus_milli;
  memory_free_bytes_ += static_cast<std::int64_t>(spec.memory_bytes);
  for (const std::uint32_t index : gpus) {
    for (Gpu& gpu : gpus_) {
      if (gpu.index == index) gpu.free_milli += share(spec.gpus_milli);
    }
  }
}

}  // namespace landseer::worker
