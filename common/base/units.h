/// Durations and sizes as people write them: `90s`, `10m`, `1h30m`, `4GiB`, `512M`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.h"

namespace landseer {

/// Units ns, us, ms, s, m, h, d, joined without or with spaces; a bare number is seconds. Negative
/// values, unknown units and more than 100 years give empty.
std::optional<Duration> parse_duration(std::string_view text);

/// Powers of 1024 for K, M, G, T with or without `iB`/`B`; a bare number is bytes.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// `1h02m`, `3m05s`, `12.3s`, `450ms`: at most seven characters below 100 days.
std::string format_duration(Duration duration);

/// `1.5 GiB`.
std::string format_bytes(std::uint64_t bytes);

}  // namespace landseer
