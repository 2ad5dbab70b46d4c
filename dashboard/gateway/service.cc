#include "dashboard/gateway/service.h"

#include <utility>

#include "common/net/clock.h"
#include "dashboard/gateway/event_data.h"

namespace landseer::gateway {
namespace {

constexpr std::int64_t kReadyMs = 10'000;

Result<EventFilter> filter_of(std::string text) {
  EventFilter filter;
  if (text == "all") {
    filter.all = true;
    return filter;
  }
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string word = text.substr(0, comma);
    const auto id = parse_id<PipelineId>(word);
    if (!id) {
      return fail(ErrorCode::kInvalid, "'" + word + "' is no pipeline", "pipelines",
                  "such as pipelines=pipeline_3,pipeline_4, or all");
    }
    filter.pipelines.insert(*id);
    text = comma == std::string::npos ? "" : text.substr(comma + 1);
  }
  if (filter.pipelines.size() > Service::kFilterMax) {
    return fail(ErrorCode::kLimit, "a stream follows at most 16 pipelines", "pipelines",
                "say all instead");
  }
  return filter;
}

bool is_read_only(const Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

Response no_method(const Request& request) {
  return error_response(405, "invalid",
                        Error{ErrorCode::kInvalid, "this path is only for reading", request.path,
                              "see docs/openapi.yaml"});
}

}  // namespace

const std::vector<std::pair<std::string, std::string>>& safety_headers() {
  static const std::vector<std::pair<std::string, std::string>> headers{
      {"Content-Security-Policy",
       "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
       "form-action 'self'; object-src 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
  };
  return headers;
}

Service::Service(Model& model, EventLog& events, Api& api, Access& access, Assets& assets,
                 MetricSources sources, ServiceLimits limits)
    : model_(model),
      events_(events),
      api_(api),
      access_(access),
      assets_(assets),
      sources_(sources),
      limits_(limits) {}

void Service::handle(Request request, std::function<void(Answer)> reply) {
  const Now now = net::now();
  if (auto refusal = access_.check(request, now)) return reply(std::move(*refusal));
  const std::string& path = request.path;
  if (path == "/api" || path.starts_with("/api/")) {
    const auto session = access_.session_of(request, now);
    if (!session) return reply(no_session());
    const bool is_own =
        path == "/api/v1/events" || (path == "/api/v1/session" && request.method == "DELETE");
    if (is_own) return reply(handle_api(request, *session));
    if (!path.starts_with("/api/v1/") || request.method == "DELETE") {
      return reply(path.starts_with("/api/v1/")
                       ? no_method(request)
                       : error_response(Error{ErrorCode::kNotFound, "there is no such path", path,
                                              "see docs/openapi.yaml"}));
    }
    return api_.answer(std::move(request), *session,
                       [reply](Response response) { reply(std::move(response)); });
  }
  if (!is_read_only(request)) return reply(no_method(request));
  if (path == "/login") return reply(access_.login(request, now));
  if (path == "/healthz") return reply(text_response(200, "text/plain; charset=utf-8", "alive\n"));
  if (path == "/readyz") return reply(ready());
  if (path == "/metrics") {
    return reply(text_response(200, "text/plain; version=0.0.4; charset=utf-8",
                               metrics_text(sources_, now.wall.unix_ms)));
  }
  reply(assets_.answer(request));
}

Answer Service::handle_api(const Request& request, const Session& session) {
  if (request.method == "GET") return open_stream(request, session);
  if (request.method != "DELETE" || request.path != "/api/v1/session") return no_method(request);
  if (on_logout_) on_logout_(session.id);
  return access_.logout(session, net::now());
}

Answer Service::open_stream(const Request& request, const Session& session) {
  const auto filter = filter_of(request.query_or("pipelines", ""));
  if (!filter) return error_response(400, "invalid", filter.error());
  const auto open = streams_.find(session.id);
  const std::size_t own = open != streams_.end() ? open->second : 0;
  if (own >= limits_.streams_per_session || stream_count_ >= limits_.streams) {
    return error_response(Error{ErrorCode::kLimit, "too many event streams are open",
                                own >= limits_.streams_per_session ? "session" : "dashboard",
                                "share one stream between tabs, or close some"});
  }
  ++streams_[session.id];
  ++stream_count_;
  StreamStart start{session.id, *filter, events_.newest(), {}};
  std::string seen = request.header("last-event-id");
  if (seen.empty()) seen = request.query_or("last_event_id", "");
  const auto last = events_.number_of(seen);
  const bool resumed = last && !events_.read(*last, start.filter, 0).gap;
  if (resumed) start.from = *last;
  const std::string position = events_.position(start.from);
  start.first =
      "retry: 2000\n\n" +
      event_text(position, "hello", hello_data(position, resumed, model_.broker().connected));
  if (!resumed && !seen.empty()) {
    start.first += event_text(position, "reset",
                              reset_data("what was missed is not known any more", position));
  }
  return start;
}

void Service::stream_ended(const std::string& session) {
  --stream_count_;
  const auto open = streams_.find(session);
  if (open != streams_.end() && --open->second == 0) streams_.erase(open);
}

Response Service::ready() const {
  const BrokerState broker = model_.broker();
  const bool is_heard = net::now().wall.unix_ms - broker.last_heard_at <= kReadyMs;
  if (is_heard) return text_response(200, "text/plain; charset=utf-8", "ready\n");
  const std::string why = broker.message.empty() ? "not heard for ten seconds" : broker.message;
  return text_response(503, "text/plain; charset=utf-8", "the broker is away: " + why + "\n");
}

}  // namespace landseer::gateway
