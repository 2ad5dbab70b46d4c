/// From the bytes of a request to its value, and from bytes that are none to a refusal. Bounded
/// before anything is kept; knows no sockets.
#pragma once

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>

#include "dashboard/gateway/http_types.h"

namespace landseer::gateway {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

void set_limits(RequestParser& parser, const RequestLimits& limits);

/// Of a parser that has read a whole request, whose body is moved out. Empty for a target that is
/// no well-formed path.
std::optional<Request> take_request(RequestParser& parser, const std::string& remote);
Response bad_target();

/// What is answered to bytes that are no request, or one that is too large. Empty: nothing, since
/// the trouble is not with the bytes.
std::optional<Response> refusal_of(boost::beast::error_code error);

}  // namespace landseer::gateway
