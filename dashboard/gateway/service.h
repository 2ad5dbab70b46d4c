/// Decides what becomes of each request: the checks that come before everything, then the page, the
/// numbers, the sessions, the events or the API. One thread, the server's; API answers come from
/// the pools' threads.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <variant>

#include "dashboard/gateway/access.h"
#include "dashboard/gateway/api.h"
#include "dashboard/gateway/assets.h"
#include "dashboard/gateway/event_log.h"
#include "dashboard/gateway/metrics.h"

namespace landseer::gateway {

/// The answer is a stream of events.
struct StreamStart {
  std::string session;
  EventFilter filter;
  std::uint64_t from = 0;  ///< number of the last event that was seen
  std::string first;       ///< sent before any other
};

using Answer = std::variant<Response, StreamStart>;

struct ServiceLimits {
  std::size_t streams_per_session = 16;
  std::size_t streams = 512;
};

class Service {
 public:
  static constexpr std::size_t kFilterMax = 16;

  Service(Model& model, EventLog& events, Api& api, Access& access, Assets& assets,
          MetricSources sources, ServiceLimits limits);

  /// Calls `reply` once, in this call or later from another thread.
  void handle(Request request, std::function<void(Answer)> reply);
  void stream_ended(const std::string& session);
  /// Told when a session ends, so that its streams are closed.
  void on_logout(std::function<void(const std::string&)> call) { on_logout_ = std::move(call); }

 private:
  Answer handle_api(const Request& request, const Session& session);
  Answer open_stream(const Request& request, const Session& session);
  Response ready() const;

  Model& model_;
  EventLog& events_;
  Api& api_;
  Access& access_;
  Assets& assets_;
  MetricSources sources_;
  ServiceLimits limits_;
  std::map<std::string, std::size_t> streams_;  // open ones by session
  std::size_t stream_count_ = 0;
  std::function<void(const std::string&)> on_logout_;
};

/// Sent with every response. docs/openapi.yaml, "Safety".
const std::vector<std::pair<std::string, std::string>>& safety_headers();

}  // namespace landseer::gateway
