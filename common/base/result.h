/// The one error type and the return type of everything that can fail for an expected reason.
/// We never throw; libraries that do are wrapped where they are called.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace landseer {

/// Numbers are part of the wire protocol (docs/protocol.md, "Errors") and decide the exit code of
/// `landseer`: append only.
enum class ErrorCode : std::uint16_t {
  kInvalid = 1,      ///< bad input or usage
  kNotFound = 2,     ///< no such object
  kConflict = 3,     ///< makes no sense in the object's present state
  kUnavailable = 4,  ///< the other side cannot be reached
  kNotAllowed = 5,   ///< the caller lacks the right
  kLimit = 6,        ///< a documented limit is reached
  kVersion = 7,      ///< no common protocol version
  kIo = 8,           ///< file system, process or socket trouble
  kInternal = 9,     ///< a bug of ours
  kBusy = 10,        ///< too much was asked at once: ask again a little later
};

std::string_view to_string(ErrorCode code);

/// What was attempted and why it failed (`message`), on which file, line or object (`where`, may be
/// empty) and what to do next (`hint`, may be empty).
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string where;
  std::string hint;

  /// One line: `where: message (hint)`.
  std::string to_string() const;
};

template <class T>
using Result = tl::expected<T, Error>;

/// `return fail(ErrorCode::kInvalid, "...")` in a function that returns Result<T>.
tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string where = {},
                           std::string hint = {});

}  // namespace landseer
