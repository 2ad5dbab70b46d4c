/// Points in time as machines read them.
#pragma once

#include <cstdint>
#include <string>

namespace landseer::report {

/// `2026-03-01T12:00:00.250Z` for Unix milliseconds; empty for 0, which means "not yet".
std::string utc_time(std::int64_t unix_ms);

}  // namespace landseer::report
