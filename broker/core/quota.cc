#include "broker/core/quota.h"

#include <algorithm>

namespace landseer::broker {

std::optional<Duration> RequestQuota::take(const std::string& key, Instant now) {
  Instant& caught_up = caught_up_[key];
  const Instant next = std::max(caught_up, now) + interval_;
  const Duration ahead = next - now;
  if (ahead > interval_ * burst_) return ahead - interval_ * burst_;
  caught_up = next;
  return std::nullopt;
}

}  // namespace landseer::broker
