/// Random numbers that are the same on every machine and in every build: splitmix64, and the few
/// distributions a simulation needs.
#pragma once

#include <cmath>
#include <cstdint>

#include "common/base/time.h"

namespace landseer::simulation {

constexpr std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15ull;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

/// One number out of several: what is drawn from it does not depend on when it is drawn.
template <class... More>
constexpr std::uint64_t mix(std::uint64_t first, std::uint64_t second, More... more) {
  return mix(mix(first) ^ second, static_cast<std::uint64_t>(more)...);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(mix(seed)) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ull;
    return mix(state_);
  }
  /// From 0 to `count` - 1; 0 if that is empty.
  std::uint64_t below(std::uint64_t count) { return count == 0 ? 0 : next() % count; }
  /// Both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
  }
  /// From 0 to 1, 1 excluded.
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return unit() < probability; }
  double uniform(double low, double high) { return low + (high - low) * unit(); }
  Duration uniform(Duration low, Duration high) {
    return Duration(between(low.count(), high.count()));
  }
  /// Every order of magnitude alike.
  Duration log_uniform(Duration low, Duration high) {
    const double exponent = uniform(std::log(static_cast<double>(low.count())),
                                    std::log(static_cast<double>(high.count())));
    return Duration(static_cast<std::int64_t>(std::exp(exponent)));
  }
  Duration exponential(Duration mean) {
    return Duration(
        static_cast<std::int64_t>(-std::log(1.0 - unit()) * static_cast<double>(mean.count())));
  }
  template <class List>
  auto& pick(List& list) {
    return list[below(list.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace landseer::simulation
