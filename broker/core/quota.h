/// How often one key may ask: a steady rate and a burst. Values only; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/base/time.h"

namespace landseer::broker {

class RequestQuota {
 public:
  RequestQuota(std::uint32_t per_second, std::uint32_t burst)
      : interval_(std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second), burst_(burst) {}

  /// Counts a request. If it is one too many it does not count: how long until one may be made.
  std::optional<Duration> take(const std::string& key, Instant now);

 private:
  Duration interval_;
  std::uint32_t burst_;
  /// When all requests so far would have been made at the steady rate. Bounded by the list of keys.
  std::unordered_map<std::string, Instant> caught_up_;
};

}  // namespace landseer::broker
