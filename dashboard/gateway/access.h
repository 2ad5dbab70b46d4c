/// Who may ask what: hosts, origins, sessions and how often. Decides from values alone and is asked
/// before a request costs anything. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/config/dashboard_token.h"
#include "dashboard/gateway/http_types.h"
#include "dashboard/gateway/rate_limit.h"

namespace landseer::gateway {

inline constexpr const char* kSessionCookie = "landseer_session";
inline constexpr Duration kSessionLife = std::chrono::hours(7 * 24);

struct AccessSettings {
  Digest key;
  std::string instance;
  std::vector<std::string> hosts;  ///< names that may be asked for, besides the loopback ones
  RateLimit session_rate{50, 200};
  RateLimit address_rate{200, 400};  ///< of whoever has no session
  RateLimit login_rate{1, 20};
};

struct Session {
  std::string id;  ///< of the cookie: what is counted per session is counted by it
  bool may_act = false;
  std::int64_t expires_at = 0;
};

class Access {
 public:
  explicit Access(AccessSettings settings) : settings_(std::move(settings)) {}

  /// What holds for every request, session or not: host, method, origin, how often. A response is a
  /// refusal.
  std::optional<Response> check(const Request& request, const Now& now);
  /// The session its cookie stands for.
  std::optional<Session> session_of(const Request& request, const Now& now) const;
  /// Exchanges a ticket for a session, once.
  Response login(const Request& request, const Now& now);
  Response logout(const Session& session, const Now& now);

 private:
  bool is_allowed_host(std::string host) const;
  std::optional<Response> check_origin(const Request& request) const;
  std::optional<Response> check_rate(const Request& request, const Now& now);
  void forget_expired(std::int64_t now_ms);

  AccessSettings settings_;
  std::map<std::string, std::int64_t> spent_;  // nonces of tickets and ended sessions, by when
  Rates sessions_;
  Rates addresses_;
  Rates logins_;
};

/// 401: without a session.
Response no_session();

}  // namespace landseer::gateway
