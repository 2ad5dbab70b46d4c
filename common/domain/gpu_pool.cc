#include "common/domain/gpu_pool.h"

#include <algorithm>
#include <utility>

namespace landseer::domain {
namespace {

constexpr std::uint32_t kWholeMilli = 1000;

/// What one of the GPUs of a wish gives.
std::uint32_t share(std::uint32_t milli) { return std::min(milli, kWholeMilli); }

std::size_t gpus_of(std::uint32_t milli) {
  return (std::size_t{milli} + kWholeMilli - 1) / kWholeMilli;
}

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool matches_model(std::string_view model, std::string_view wanted) {
  const auto is_same = [](char a, char b) { return small(a) == small(b); };
  return std::search(model.begin(), model.end(), wanted.begin(), wanted.end(), is_same) !=
             model.end() ||
         wanted.empty();
}

void GpuPool::add(std::uint32_t index, std::string model, std::uint64_t memory_bytes, bool usable) {
  gpus_.push_back({index, std::move(model), memory_bytes, kWholeMilli,
                   static_cast<std::int64_t>(memory_bytes), 0, usable});
}

bool GpuPool::serves(const Gpu& gpu, const GpuWish& wish) {
  return gpu.usable && gpu.memory_bytes >= wish.memory_bytes &&
         matches_model(gpu.model, wish.model);
}

bool GpuPool::has_room(const Gpu& gpu, const GpuWish& wish) {
  return gpu.free_milli >= std::int64_t{share(wish.milli)} &&
         (wish.memory_bytes == 0 ||
          gpu.free_bytes >= static_cast<std::int64_t>(wish.memory_bytes)) &&
         serves(gpu, wish);
}

std::uint32_t GpuPool::count(const GpuWish& wish) const {
  return static_cast<std::uint32_t>(
      std::count_if(gpus_.begin(), gpus_.end(), [&](const Gpu& gpu) { return serves(gpu, wish); }));
}

bool GpuPool::could_serve(const GpuWish& wish) const { return count(wish) >= gpus_of(wish.milli); }

bool GpuPool::fits(const GpuWish& wish) const {
  std::size_t missing = gpus_of(wish.milli);
  for (const Gpu& gpu : gpus_) {
    if (missing == 0) break;
    if (has_room(gpu, wish)) --missing;
  }
  return missing == 0;
}

std::optional<std::vector<std::uint32_t>> GpuPool::take(const GpuWish& wish) {
  std::vector<std::uint32_t> taken;
  const std::size_t wanted = gpus_of(wish.milli);
  if (wanted == 0) return taken;
  std::vector<Gpu*> fitting;
  for (Gpu& gpu : gpus_) {
    if (has_room(gpu, wish)) fitting.push_back(&gpu);
  }
  if (fitting.size() < wanted) return std::nullopt;
  std::stable_sort(fitting.begin(), fitting.end(), [](const Gpu* a, const Gpu* b) {
    return a->free_milli != b->free_milli ? a->free_milli < b->free_milli
                                          : a->memory_bytes < b->memory_bytes;
  });
  for (std::size_t i = 0; i < wanted; ++i) {
    change(*fitting[i], wish, -1);
    taken.push_back(fitting[i]->index);
  }
  return taken;
}

void GpuPool::change(Gpu& gpu, const GpuWish& wish, int sign) {
  gpu.free_milli += sign * std::int64_t{share(wish.milli)};
  gpu.free_bytes += sign * static_cast<std::int64_t>(wish.memory_bytes);
  gpu.users -= static_cast<std::uint32_t>(sign);
}

void GpuPool::occupy(const GpuWish& wish, const std::vector<std::uint32_t>& gpus) {
  for (const std::uint32_t index : gpus) {
    for (Gpu& gpu : gpus_) {
      if (gpu.index == index) change(gpu, wish, -1);
    }
  }
}

void GpuPool::give_back(const GpuWish& wish, const std::vector<std::uint32_t>& gpus) {
  for (const std::uint32_t index : gpus) {
    for (Gpu& gpu : gpus_) {
      if (gpu.index == index) change(gpu, wish, 1);
    }
  }
}

void GpuPool::set_usable(std::uint32_t index, bool usable) {
  for (Gpu& gpu : gpus_) {
    if (gpu.index == index) gpu.usable = usable;
  }
}

bool GpuPool::is_idle(std::uint32_t index) const {
  return std::all_of(gpus_.begin(), gpus_.end(),
                     [&](const Gpu& gpu) { return gpu.index != index || gpu.users == 0; });
}

std::int64_t GpuPool::free_milli() const {
  std::int64_t sum = 0;
  for (const Gpu& gpu : gpus_) {
    if (gpu.usable) sum += gpu.free_milli;
  }
  return sum;
}

std::uint64_t GpuPool::grade() const {
  std::uint64_t largest = 0;
  for (const Gpu& gpu : gpus_) {
    if (gpu.usable) largest = std::max({largest, gpu.memory_bytes, std::uint64_t{1}});
  }
  return largest;
}

}  // namespace landseer::domain
