/// A request and a response of HTTP as plain values: what decides about them knows no sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace landseer::gateway {

struct Request {
  std::string method;
  std::string path;                            ///< percent-decoded, without the query
  std::map<std::string, std::string> query;    ///< decoded; of a name given twice, the last
  std::map<std::string, std::string> headers;  ///< names in small letters
  std::string body;
  std::string remote;  ///< the peer's address, without its port

  const std::string& header(const std::string& name) const;
  std::string query_or(const std::string& name, std::string fallback) const;
  /// Of the cookie header; empty if there is no such cookie.
  std::string cookie(std::string_view name) const;
};

/// What of a request is read at most.
struct RequestLimits {
  std::size_t header_bytes = 16 * 1024;  ///< with the request line
  std::size_t body_bytes = 64 * 1024;
};

/// False for a target that is no well-formed path: not decodable, with control characters in it.
bool read_target(std::string_view target, Request& request);

struct Response {
  unsigned status = 200;
  std::string type = "application/json";
  std::shared_ptr<const std::string> body;  ///< null: none
  std::vector<std::pair<std::string, std::string>> headers;
};

Response text_response(unsigned status, std::string type, std::string text);
/// `{"error": ...}` as the command line prints it.
Response error_response(unsigned status, std::string_view code, const Error& error);
/// With the status that fits the error's code.
Response error_response(const Error& error);

}  // namespace landseer::gateway
