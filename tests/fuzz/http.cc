/// Requests of browsers, from the bytes of a connection to the answer: read, refused or routed.
/// What needs no broker is answered here, sessions and event streams included; requests to the
/// broker end where they would be handed to its threads. Nothing but the way in is open without a
/// session.
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <nlohmann/json.hpp>

#include "dashboard/gateway/http_reader.h"
#include "dashboard/gateway/service.h"
#include "tests/fuzz/target.h"

namespace landseer::fuzz {

// A header line of three bytes takes a node of the parser's list, and one of the map behind it.
const Budget kBudget{512 * 1024, 512};

namespace {

using namespace gateway;

constexpr std::int64_t kNever = 4'000'000'000'000;  // in the year 2096

/// One dashboard that has no broker, and for each input somebody new at its door.
struct Dashboard {
  Dashboard() { api.stop(); }

  Digest key = sha256("key");
  Model model;
  EventLog events{"one"};
  HttpCounts counts;
  FeedCounts feed;
  Actions actions;
  Api api{model, actions, {"tcp://127.0.0.1:1", {}, {}}, "one"};
  Assets assets{"/nonexistent"};
};

Dashboard& dashboard() {
  static Dashboard all;
  return all;
}

std::string token(config::TokenKind kind, const std::string& nonce) {
  const std::string audience = kind == config::TokenKind::kTicket ? "one" : "";
  return config::sign_token(sha256("key"), {kind, true, kNever, nonce}, audience);
}

std::string request(const std::string& line, const std::string& more = "") {
  return line + " HTTP/1.1\r\nHost: localhost:7713\r\n" + more + "\r\n";
}

void check_response(const Response& response) {
  CHECK(response.status >= 200 && response.status < 600, "a status of HTTP");
  for (const auto& [name, value] : response.headers) {
    CHECK(name.find_first_of(" :\r\n") == std::string::npos, "names of headers are words");
  }
  if (response.status < 400 || response.type != "application/json") return;
  CHECK(response.body != nullptr, "a refusal says why");
  const auto json = nlohmann::json::parse(*response.body, nullptr, false);
  CHECK(json.is_object() && json.contains("error"), "a refusal is one error");
}

/// What is behind the door is not answered without a session, however it is asked for.
void check_door(const Request& request, const Answer& answer, bool has_session) {
  const auto* response = std::get_if<Response>(&answer);
  if (response != nullptr) check_response(*response);
  if (has_session || !request.path.starts_with("/api")) return;
  const bool is_api = request.path == "/api" || request.path.starts_with("/api/");
  CHECK(!is_api || (response != nullptr && response->status >= 400 && response->status < 500),
        "who has no session is refused");
}

void serve(Request asked) {
  Dashboard& all = dashboard();
  Access access{AccessSettings{all.key, "one", {"lab.example"}}};
  Service service(all.model, all.events, all.api, access, all.assets,
                  {all.model, all.events, all.feed, all.counts}, {});
  const bool has_session = access.session_of(asked, {{}, WallTime{kNever - 1}}).has_value();
  int answers = 0;
  service.handle(asked, [&](const Answer& answer) {
    ++answers;
    check_door(asked, answer, has_session);
  });
  CHECK(answers == 1, "each request has one answer");
}

}  // namespace

std::vector<std::string> seeds() {
  const std::string session =
      "Cookie: a=b; landseer_session=" + token(config::TokenKind::kSession, "0123456789abcdef") +
      "\r\n";
  const std::string ticket = token(config::TokenKind::kTicket, "fedcba9876543210");
  return {request("GET /"),
          request("HEAD /index.html"),
          request("GET /login?ticket=" + ticket),
          request("GET /metrics"),
          request("GET /readyz"),
          request("GET /healthz", "Connection: close\r\n"),
          request("GET /api/v1/overview"),
          request("GET /api/v1/tasks/task_7/log?tail=100&attempt=1", session),
          request("GET /api/v1/events?pipelines=pipeline_3,pipeline_4", session),
          request("GET /api/v1/events?pipelines=all", session + "Last-Event-ID: one-17\r\n"),
          request("DELETE /api/v1/session", session + "X-Landseer-Request: 1\r\n"),
          request("POST /api/v1/pipelines/pipeline_1/cancel",
                  session + "X-Landseer-Request: 1\r\nContent-Type: application/json\r\n"
                            "Idempotency-Key: k\r\nContent-Length: 2\r\n") +
              "{}",
          request("POST /api/v1/x", "Transfer-Encoding: chunked\r\n") +
              "3;e=\"x\"\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
          request("GET /api/v1/pipelines%2F..%2f%41?x=%zz", "Origin: http://evil\r\n"),
          request("OPTIONS *"),
          "GET / HTTP/1.0\r\n\r\n"};
}

}  // namespace landseer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace landseer;
  namespace http = boost::beast::http;
  std::string_view rest = fuzz::text_of(data, size);
  constexpr int kRequestsMax = 8;  // of one connection
  for (int requests = 0; requests < kRequestsMax && !rest.empty(); ++requests) {
    gateway::RequestParser parser;
    parser.eager(true);
    gateway::set_limits(parser, {});
    boost::beast::error_code error;
    while (!rest.empty() && !parser.is_done() && !error) {
      rest.remove_prefix(parser.put(boost::asio::buffer(rest.data(), rest.size()), error));
    }
    if (error == http::error::need_more || (!error && !parser.is_done())) return 0;
    if (error) {
      if (const auto refusal = gateway::refusal_of(error)) fuzz::check_response(*refusal);
      return 0;
    }
    auto request = gateway::take_request(parser, "127.0.0.1");
    if (!request) {
      fuzz::check_response(gateway::bad_target());
      return 0;
    }
    if (request->method == "HEAD") request->method = "GET";
    fuzz::serve(std::move(*request));
  }
  return 0;
}
