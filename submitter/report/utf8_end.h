/// Where text that comes in pieces may be cut.
#pragma once

#include <cstddef>
#include <string_view>

namespace landseer::report {

/// Bytes at the end of `text` that begin a UTF-8 character without ending it.
std::size_t unfinished_bytes(std::string_view text);

}  // namespace landseer::report
