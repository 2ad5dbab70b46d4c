/// Numbers for Prometheus, made from the model when they are asked for. Labels are bounded: states,
/// outcomes and versions, never an id.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "dashboard/gateway/event_log.h"
#include "dashboard/gateway/feed.h"
#include "dashboard/gateway/model.h"

namespace landseer::gateway {

/// What the server counts.
struct HttpCounts {
  std::atomic<std::uint64_t> answered{0};   ///< below status 400
  std::atomic<std::uint64_t> refused{0};    ///< 400 to 499
  std::atomic<std::uint64_t> failed{0};     ///< from 500 on
  std::atomic<std::uint64_t> malformed{0};  ///< no request of HTTP, too large, or too slow
  std::atomic<std::uint64_t> streams{0};    ///< open now
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> dropped_streams{0};  ///< because their client did not read
};

struct MetricSources {
  const Model& model;
  const EventLog& events;
  const FeedCounts& feed;
  const HttpCounts& http;
};

/// In the text format 0.0.4.
std::string metrics_text(const MetricSources& sources, std::int64_t now_ms);

}  // namespace landseer::gateway
