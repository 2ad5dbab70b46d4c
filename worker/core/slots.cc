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
  for (const auto& gpu : offer.gpus) {
    gpus_.push_back({gpu.index, kWholeMilli, static_cast<std::int64_t>(gpu.memory_bytes), 0,
                     gpu.fault.empty()});
  }
}

void Slots::change(Gpu& gpu, const protocol::WorkSpec& spec, int sign) {
  gpu.free_milli += sign * std::int64_t{share(spec.gpus_milli)};
  gpu.free_bytes += sign * static_cast<std::int64_t>(spec.gpu_memory_bytes);
  gpu.users -= static_cast<std::uint32_t>(sign);
}

std::optional<std::vector<std::uint32_t>> Slots::take_gpus(const protocol::WorkSpec& spec) {
  std::vector<std::uint32_t> taken;
  std::vector<Gpu*> fitting;
  const auto memory = static_cast<std::int64_t>(spec.gpu_memory_bytes);
  for (Gpu& gpu : gpus_) {
    const bool fits = gpu.free_milli >= std::int64_t{share(spec.gpus_milli)} &&
                      (memory == 0 || gpu.free_bytes >= memory);
    if (gpu.usable && fits) fitting.push_back(&gpu);
  }
  const std::size_t wanted = (std::size_t{spec.gpus_milli} + kWholeMilli - 1) / kWholeMilli;
  if (fitting.size() < wanted) return std::nullopt;
  std::stable_sort(fitting.begin(), fitting.end(),
                   [](const Gpu* a, const Gpu* b) { return a->free_milli < b->free_milli; });
  for (std::size_t i = 0; i < wanted; ++i) {
    change(*fitting[i], spec, -1);
    taken.push_back(fitting[i]->index);
  }
  return taken;
}

std::optional<std::vector<std::uint32_t>> Slots::take(const protocol::WorkSpec& spec) {
  if (cpus_free_milli_ < std::int64_t{spec.cpus_milli} ||
      memory_free_bytes_ < static_cast<std::int64_t>(spec.memory_bytes)) {
    return std::nullopt;
  }
  auto gpus = take_gpus(spec);
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
      if (gpu.index == index) change(gpu, spec, -1);
    }
  }
}

void Slots::give_back(const protocol::WorkSpec& spec, const std::vector<std::uint32_t>& gpus) {
  cpus_free_milli_ += spec.cpus_milli;
  memory_free_bytes_ += static_cast<std::int64_t>(spec.memory_bytes);
  for (const std::uint32_t index : gpus) {
    for (Gpu& gpu : gpus_) {
      if (gpu.index == index) change(gpu, spec, 1);
    }
  }
}

void Slots::set_usable(std::uint32_t index, bool usable) {
  for (Gpu& gpu : gpus_) {
    if (gpu.index == index) gpu.usable = usable;
  }
}

bool Slots::is_idle(std::uint32_t index) const {
  return std::all_of(gpus_.begin(), gpus_.end(),
                     [&](const Gpu& gpu) { return gpu.index != index || gpu.users == 0; });
}

}  // namespace landseer::worker
