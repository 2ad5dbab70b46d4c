#include "submitter/cli/times.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "common/base/units.h"

namespace landseer::cli {
namespace {

std::string format_time(const tm& parts) {
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

std::string local_time(std::int64_t unix_ms) {
  if (unix_ms <= 0) return "-";
  const time_t seconds = unix_ms / 1000;
  tm parts{};
  localtime_r(&seconds, &parts);
  return format_time(parts);
}

std::string exact_time(std::int64_t unix_ms) {
  if (unix_ms <= 0) return "-";
  return local_time(unix_ms) + fmt::format(".{:03}", unix_ms % 1000);
}

std::string elapsed(std::int64_t from_ms, std::int64_t to_ms, std::int64_t now_ms) {
  if (from_ms <= 0) return "-";
  const std::int64_t end_ms = to_ms > 0 ? to_ms : now_ms;
  return format_duration(std::chrono::milliseconds(std::max<std::int64_t>(0, end_ms - from_ms)));
}

}  // namespace landseer::cli
