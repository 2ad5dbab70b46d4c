/// How often each of many may do something: token buckets, bounded in number.
#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>

#include "common/base/time.h"

namespace landseer::gateway {

struct RateLimit {
  double per_second = 0;
  double at_once = 0;
};

class Rates {
 public:
  static constexpr std::size_t kNamesMax = 4096;

  /// Whether `name` may now; if so it is counted.
  bool take(const std::string& name, const RateLimit& limit, Instant now) {
    if (left(name, limit, now) < 1) return false;
    spend(name, 1);
    return true;
  }
  /// How often `name` may now. Below zero: it had more than that.
  double left(const std::string& name, const RateLimit& limit, Instant now) {
    if (buckets_.size() >= kNamesMax && !buckets_.contains(name)) buckets_.clear();
    auto [entry, is_new] = buckets_.try_emplace(name, Bucket{limit.at_once, now});
    Bucket& bucket = entry->second;
    const double seconds = static_cast<double>((now - bucket.at).count()) / 1e9;
    bucket.tokens = std::min(limit.at_once, bucket.tokens + seconds * limit.per_second);
    bucket.at = now;
    return bucket.tokens;
  }
  /// Counts what was done, also more than was left; nothing for a name that left() does not know.
  void spend(const std::string& name, double amount) {
    const auto found = buckets_.find(name);
    if (found != buckets_.end()) found->second.tokens -= amount;
  }

 private:
  struct Bucket {
    double tokens = 0;
    Instant at;
  };

  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace landseer::gateway
