/// Time as values. Cores receive `Now` as an argument; only common/net/clock.h reads a clock.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace landseer {

using Duration = std::chrono::nanoseconds;

/// A point on the monotonic clock of one process. Never compare those of two processes.
struct Instant {
  std::int64_t nanoseconds = 0;
  auto operator<=>(const Instant&) const = default;
};

constexpr Instant operator+(Instant at, Duration by) { return {at.nanoseconds + by.count()}; }
constexpr Instant operator-(Instant at, Duration by) { return {at.nanoseconds - by.count()}; }
constexpr Duration operator-(Instant a, Instant b) {
  return Duration(a.nanoseconds - b.nanoseconds);
}

/// Milliseconds since 1970 UTC, for people. Never used to decide anything. 0 means "not yet".
struct WallTime {
  std::int64_t unix_ms = 0;
  auto operator<=>(const WallTime&) const = default;
};

/// What every handler of a core is given.
struct Now {
  Instant instant;
  WallTime wall;
};

}  // namespace landseer
