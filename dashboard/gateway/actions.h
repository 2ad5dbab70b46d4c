/// What changes something, done once for each idempotency key however often it is asked for. Any
/// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dashboard/gateway/access.h"
#include "dashboard/gateway/http_types.h"
#include "submitter/client/client.h"

namespace landseer::gateway {

/// From the path: `pipelines/pipeline_3/cancel`.
struct Action {
  std::string kind;  ///< pipelines, tasks or workers
  std::string id;
  std::string verb;
};

class Actions {
 public:
  static constexpr std::size_t kKeysMax = 10'000;
  static constexpr std::int64_t kKeyLifeMs = 24 * 3600 * 1000;

  /// All that there are, for pages of other versions.
  static std::vector<std::string> verbs() {
    return {"cancel", "retry", "pause", "resume", "priority", "drain", "undrain"};
  }

  Response act(client::Client& client, const Request& request, const Session& session,
               const Action& action);

 private:
  struct Done {
    std::string what;                  ///< path and body
    std::optional<Response> response;  ///< none: under way
    std::int64_t at = 0;
  };

  /// A response if it need not be done.
  std::optional<Response> begin(const std::string& key, const std::string& what,
                                std::int64_t now_ms);
  void finish(const std::string& key, const Response& response);
  void forget_old(std::int64_t now_ms);

  std::mutex mutex_;
  std::map<std::string, Done> done_;  // by session and key
  std::deque<std::string> order_;     // oldest first
};

}  // namespace landseer::gateway
