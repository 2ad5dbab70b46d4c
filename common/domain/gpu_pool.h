/// The GPUs of one host, and what of each is given away. The worker gives its GPUs out by it; the
/// broker, which is not told which GPUs those are, keeps the same books by the same rule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace landseer::domain {

/// What one task asks of GPUs. Above 1000 it is whole ones, rounded up (1500 is two).
struct GpuWish {
  std::uint32_t milli = 0;
  std::uint64_t memory_bytes = 0;  ///< of each; a GPU whose memory is not known has none to give
  std::string_view model;          ///< see matches_model()
};

/// Whether `wanted` is a part of `model`, capital or small letters alike; an empty one always is.
bool matches_model(std::string_view model, std::string_view wanted);

class GpuPool {
 public:
  void add(std::uint32_t index, std::string model, std::uint64_t memory_bytes, bool usable);
  void clear() { gpus_.clear(); }

  /// Whether it could serve the wish with nothing given away.
  bool could_serve(const GpuWish& wish) const;
  /// Whether it can now.
  bool fits(const GpuWish& wish) const;
  /// The indices of the GPUs that are taken now; empty: it does not fit. A wish below one GPU
  /// shares the fullest one that has room; else, those with the least memory are taken.
  std::optional<std::vector<std::uint32_t>> take(const GpuWish& wish);
  /// Takes what is in use already, whether it fits or not.
  void occupy(const GpuWish& wish, const std::vector<std::uint32_t>& gpus);
  void give_back(const GpuWish& wish, const std::vector<std::uint32_t>& gpus);

  /// A GPU that is not usable is not taken; who has it keeps it.
  void set_usable(std::uint32_t index, bool usable);
  /// Nobody has a share of it.
  bool is_idle(std::uint32_t index) const;
  /// Of those that are usable; below 0 for none.
  std::int64_t free_milli() const;
  /// Of the usable ones that match, and have the memory, how many there are.
  std::uint32_t count(const GpuWish& wish) const;
  /// The memory of its largest usable GPU, at least 1; 0: it has none.
  std::uint64_t grade() const;

 private:
  struct Gpu {
    std::uint32_t index = 0;
    std::string model;
    std::uint64_t memory_bytes = 0;
    std::int64_t free_milli = 0;
    std::int64_t free_bytes = 0;
    std::uint32_t users = 0;
    bool usable = true;
  };
  static bool serves(const Gpu& gpu, const GpuWish& wish);
  static bool has_room(const Gpu& gpu, const GpuWish& wish);
  static void change(Gpu& gpu, const GpuWish& wish, int sign);

  std::vector<Gpu> gpus_;
};

}  // namespace landseer::domain
