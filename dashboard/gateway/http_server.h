/// Listens and serves HTTP: one thread, asynchronous, every wait and every buffer bounded. The only
/// files that know Boost are this one's source, http_connection and http_reader.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/net/signals.h"
#include "dashboard/gateway/event_log.h"
#include "dashboard/gateway/metrics.h"
#include "dashboard/gateway/service.h"

namespace landseer::gateway {

struct HttpLimits {
  RequestLimits request{};
  std::size_t connections = 1024;
  Duration read = std::chrono::seconds(30);   ///< for a whole request, and between two
  Duration write = std::chrono::seconds(60);  ///< for a whole response
  Duration stream_write = std::chrono::seconds(15);
  Duration keep_alive = std::chrono::seconds(15);  ///< between comments on a silent stream
};

class HttpServer {
 public:
  HttpServer(Service& service, EventLog& events, HttpCounts& counts, const HttpLimits& limits);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// `127.0.0.1:7713`, `[::1]:0`. The address as bound.
  Result<std::string> listen(const std::string& address);
  /// Serves until a signal comes.
  void run(net::SignalWatch& signals);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace landseer::gateway
