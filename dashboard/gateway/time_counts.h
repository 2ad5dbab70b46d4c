/// How often something took how long. One thread counts, any may read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "common/base/time.h"

namespace landseer::gateway {

struct TimeCounts {
  /// Seconds. A broker answers within a millisecond; from one second on people notice.
  static constexpr std::array<double, 8> kBounds{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3};

  void add(Duration time) {
    const double seconds = static_cast<double>(time.count()) / 1e9;
    std::size_t i = 0;
    while (i < kBounds.size() && seconds > kBounds[i]) ++i;
    counts[i] += 1;
    microseconds += static_cast<std::uint64_t>(seconds * 1e6);
  }

  /// Of those up to each bound and above the one before; the last: above all.
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> counts{};
  std::atomic<std::uint64_t> microseconds{0};
};

}  // namespace landseer::gateway
