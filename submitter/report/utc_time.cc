#include "submitter/report/utc_time.h"

#include <fmt/format.h>
#include <time.h>

namespace landseer::report {

std::string utc_time(std::int64_t unix_ms) {
  if (unix_ms <= 0) return {};
  const time_t seconds = unix_ms / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     unix_ms % 1000);
}

}  // namespace landseer::report
