#include "common/base/result.h"

#include <utility>

namespace landseer {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kNotAllowed:
      return "not_allowed";
    case ErrorCode::kLimit:
      return "limit";
    case ErrorCode::kVersion:
      return "version";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kInternal:
      return "internal";
    case ErrorCode::kBusy:
      return "busy";
  }
  return "unknown";
}

std::string Error::to_string() const {
  std::string line;
  if (!where.empty()) line += where + ": ";
  line += message;
  if (!hint.empty()) line += " (" + hint + ")";
  return line;
}

tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string where,
                           std::string hint) {
  return tl::make_unexpected(Error{code, std::move(message), std::move(where), std::move(hint)});
}

}  // namespace landseer
