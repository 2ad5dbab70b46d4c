#include "dashboard/gateway/http_reader.h"

#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <utility>

namespace landseer::gateway {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

std::string lower(beast::string_view text) {
  std::string name(text.data(), text.size());
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return name;
}

}  // namespace

void set_limits(RequestParser& parser, const RequestLimits& limits) {
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  parser.body_limit(limits.body_bytes);
}

std::optional<Request> take_request(RequestParser& parser, const std::string& remote) {
  Request request;
  const auto method = parser.get().method_string();
  request.method = std::string(method.data(), method.size());
  request.remote = remote;
  for (const auto& field : parser.get()) {
    const auto value = field.value();
    std::string& known = request.headers[lower(field.name_string())];
    if (!known.empty()) known += field.name() == http::field::cookie ? "; " : ", ";
    known.append(value.data(), value.size());
  }
  request.body = std::move(parser.get().body());
  const auto target = parser.get().target();
  if (!read_target({target.data(), target.size()}, request)) return std::nullopt;
  return request;
}

Response bad_target() {
  return error_response(
      Error{ErrorCode::kInvalid, "the path cannot be understood", "request line", ""});
}

std::optional<Response> refusal_of(beast::error_code error) {
  if (error.category() != http::make_error_code(http::error::end_of_stream).category()) {
    return std::nullopt;
  }
  unsigned status = 400;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) status = 431;
  if (error == http::error::body_limit) status = 413;
  const std::string what =
      status == 400 ? "this is no request of HTTP" : "the request is too large";
  const ErrorCode code = status == 400 ? ErrorCode::kInvalid : ErrorCode::kLimit;
  return error_response(status, to_string(code), Error{code, what, error.message(), ""});
}

}  // namespace landseer::gateway
