/// How much of logs each viewer reads: bytes a second for each session, so that following a tool
/// that writes without end costs the worker, the broker and us no more than a person can read. Who
/// falls behind what is written goes on at the end and is told what was passed over. Any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <string>

#include "common/base/time.h"
#include "dashboard/gateway/rate_limit.h"

namespace landseer::gateway {

/// A second's worth of it fills some 150 pages of a terminal.
inline constexpr RateLimit kLogRate{1024.0 * 1024, 4 * 1024.0 * 1024};
/// With less left than this, or than was asked for, a viewer is to come back later: many small
/// pieces would cost more than they bring.
inline constexpr std::uint64_t kLogPieceLeast = 16 * 1024;
/// What a viewer that was behind gets of the end.
inline constexpr std::uint64_t kLogEndBytes = 256 * 1024;

class LogBudget {
 public:
  explicit LogBudget(RateLimit rate = kLogRate) : rate_(rate) {}

  /// Bytes that this viewer may read now; 0 if it is to wait before it asks for `wanted`.
  std::uint64_t left(const std::string& viewer, std::uint64_t wanted, Instant now) {
    const std::lock_guard lock(mutex_);
    const double left = std::max(0.0, rates_.left(viewer, rate_, now));
    const auto bytes = static_cast<std::uint64_t>(left);
    return bytes < std::min(wanted, kLogPieceLeast) ? 0 : bytes;
  }
  /// What was read for it, which may be more than was left: it then waits for longer.
  void charge(const std::string& viewer, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    rates_.spend(viewer, static_cast<double>(bytes));
  }

 private:
  const RateLimit rate_;
  std::mutex mutex_;
  Rates rates_;
};

/// Where a viewer goes on that follows a log of `size` bytes, has read up to `offset` and may read
/// `left` bytes now, at most `piece` at once: there, or, if more was written meanwhile than it may
/// read, near the end.
inline std::uint64_t follow_from(std::uint64_t offset, std::uint64_t size, std::uint64_t left,
                                 std::uint64_t piece) {
  if (size <= offset || size - offset <= left) return offset;
  return std::max(offset, size - std::min({size, left, piece, kLogEndBytes}));
}

}  // namespace landseer::gateway
