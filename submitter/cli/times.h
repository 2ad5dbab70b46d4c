/// Points in time and spans as people and machines read them. Times are Unix milliseconds; 0 means
/// "not yet".
#pragma once

#include <cstdint>
#include <string>

#include "submitter/report/utc_time.h"

namespace landseer::cli {

using report::utc_time;

/// `2026-03-01 13:00:00` in the user's zone; `-` for 0.
std::string local_time(std::int64_t unix_ms);

/// The same with milliseconds.
std::string exact_time(std::int64_t unix_ms);

/// The span between the two as `3m05s`; up to `now_ms` when it has not ended, `-` when it has not
/// begun. Clocks of two machines may disagree: never negative.
std::string elapsed(std::int64_t from_ms, std::int64_t to_ms, std::int64_t now_ms);

}  // namespace landseer::cli
