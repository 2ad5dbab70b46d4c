#include "dashboard/gateway/access.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace landseer::gateway {
namespace {

constexpr std::size_t kSpentMax = 100'000;

Response refuse(unsigned status, ErrorCode code, std::string message, std::string where,
                std::string hint) {
  return error_response(status, to_string(code),
                        Error{code, std::move(message), std::move(where), std::move(hint)});
}

bool is_read_only(const std::string& method) { return method == "GET" || method == "HEAD"; }

/// `localhost:7713` and `[::1]:7713` without the port, in small letters.
std::string name_of(std::string host) {
  const auto bracket = host.rfind(']');
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
    host.erase(colon);
  }
  std::transform(host.begin(), host.end(), host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return host;
}

std::string cookie_text(const std::string& value, Duration life) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(life).count();
  return std::string(kSessionCookie) + "=" + value +
         "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(seconds);
}

/// A page, not a redirection: browsers send a strict cookie only for a step that the site itself
/// begins.
constexpr const char* kWelcomePage =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Landseer</title>"
    "<meta http-equiv=\"refresh\" content=\"0; url=/\"><p><a href=\"/\">Go on to the dashboard</a>";

}  // namespace

Response no_session() {
  return error_response(401, "no_session",
                        Error{ErrorCode::kNotAllowed, "there is no session, or it is over", "",
                              "say `landseer dashboard` for a link that opens one"});
}

std::optional<Response> Access::check(const Request& request, const Now& now) {
  if (auto refusal = check_rate(request, now)) return refusal;
  if (!is_allowed_host(request.header("host"))) {
    return refuse(421, ErrorCode::kNotAllowed, "this is not the host that was asked for",
                  request.header("host"), "use localhost, or start the dashboard with --host NAME");
  }
  const std::string& method = request.method;
  if (!is_read_only(method) && method != "POST" && method != "DELETE") {
    Response response = refuse(405, ErrorCode::kInvalid, "there is no such method here", method,
                               "use GET, HEAD, POST or DELETE");
    response.headers.emplace_back("Allow", "GET, HEAD, POST, DELETE");
    return response;
  }
  return check_origin(request);
}

std::optional<Response> Access::check_rate(const Request& request, const Now& now) {
  const auto session = session_of(request, now);
  const bool may = session ? sessions_.take(session->id, settings_.session_rate, now.instant)
                           : addresses_.take(request.remote, settings_.address_rate, now.instant);
  if (may) return std::nullopt;
  return refuse(429, ErrorCode::kLimit, "too many requests", session ? "session" : request.remote,
                "wait a second");
}

/// Also what only reads is refused to pages of other sites: a browser names them.
std::optional<Response> Access::check_origin(const Request& request) const {
  const std::string& origin = request.header("origin");
  const std::string& host = request.header("host");
  const bool is_own = origin == "http://" + host || origin == "https://" + host;
  if (!origin.empty() && !is_own) {
    return refuse(403, ErrorCode::kNotAllowed, "pages of other sites may not ask here", origin, "");
  }
  const std::string& site = request.header("sec-fetch-site");
  if (site == "cross-site" && request.path.starts_with("/api/")) {
    return refuse(403, ErrorCode::kNotAllowed, "pages of other sites may not ask here", site, "");
  }
  if (is_read_only(request.method)) return std::nullopt;
  if (request.header("x-landseer-request") != "1") {
    return refuse(403, ErrorCode::kNotAllowed, "the header X-Landseer-Request: 1 is missing", "",
                  "send it with every request that changes something");
  }
  const std::string& type = request.header("content-type");
  if (!request.body.empty() && name_of(type.substr(0, type.find(';'))) != "application/json") {
    return refuse(415, ErrorCode::kInvalid, "the body is not declared as JSON", type,
                  "send it as application/json");
  }
  return std::nullopt;
}

bool Access::is_allowed_host(std::string host) const {
  host = name_of(std::move(host));
  if (host == "localhost" || host == "127.0.0.1" || host == "[::1]") return true;
  return std::find(settings_.hosts.begin(), settings_.hosts.end(), host) != settings_.hosts.end();
}

std::optional<Session> Access::session_of(const Request& request, const Now& now) const {
  const auto token = config::read_token(settings_.key, request.cookie(kSessionCookie),
                                        config::TokenKind::kSession, "", now.wall.unix_ms);
  if (!token || spent_.contains(token->nonce)) return std::nullopt;
  return Session{token->nonce, token->may_act, token->expires_at};
}

Response Access::login(const Request& request, const Now& now) {
  if (!logins_.take(request.remote, settings_.login_rate, now.instant)) {
    return refuse(429, ErrorCode::kLimit, "too many tries to log in", request.remote,
                  "wait a few seconds");
  }
  forget_expired(now.wall.unix_ms);
  const auto ticket =
      config::read_token(settings_.key, request.query_or("ticket", ""), config::TokenKind::kTicket,
                         settings_.instance, now.wall.unix_ms);
  if (!ticket || spent_.size() >= kSpentMax || spent_.contains(ticket->nonce)) {
    return refuse(403, ErrorCode::kNotAllowed, "this link was used before, is too old or is wrong",
                  "", "say `landseer dashboard` for a new one");
  }
  spent_[ticket->nonce] = ticket->expires_at;
  config::DashboardToken session;
  session.kind = config::TokenKind::kSession;
  session.may_act = ticket->may_act;
  session.expires_at = now.wall.unix_ms +
                       std::chrono::duration_cast<std::chrono::milliseconds>(kSessionLife).count();
  // Nobody without the key can know it from the ticket's.
  session.nonce = sha256(settings_.key.hex() + ticket->nonce).hex().substr(0, 32);
  Response response = text_response(200, "text/html; charset=utf-8", kWelcomePage);
  response.headers.emplace_back(
      "Set-Cookie", cookie_text(config::sign_token(settings_.key, session, ""), kSessionLife));
  return response;
}

Response Access::logout(const Session& session, const Now& now) {
  forget_expired(now.wall.unix_ms);
  if (spent_.size() < kSpentMax) spent_[session.id] = session.expires_at;
  Response response;
  response.status = 204;
  response.headers.emplace_back("Set-Cookie", cookie_text("", Duration::zero()));
  return response;
}

void Access::forget_expired(std::int64_t now_ms) {
  std::erase_if(spent_, [now_ms](const auto& entry) { return entry.second < now_ms; });
}

}  // namespace landseer::gateway
