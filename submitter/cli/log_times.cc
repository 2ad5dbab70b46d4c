#include "submitter/cli/log_times.h"

#include "submitter/cli/times.h"

namespace landseer::cli {

std::string LogStamps::add(std::uint64_t offset, std::string_view data,
                           std::span<const protocol::LogTime> times) {
  std::string text;
  std::size_t mark = 0;
  while (!data.empty()) {
    while (mark + 1 < times.size() && times[mark + 1].offset <= offset) ++mark;
    if (!in_line_) text += exact_time(mark < times.size() ? times[mark].unix_ms : 0) + " ";
    const auto end = data.find('\n');
    const std::string_view line = data.substr(0, end == std::string_view::npos ? end : end + 1);
    text += line;
    in_line_ = end == std::string_view::npos;
    offset += line.size();
    data.remove_prefix(line.size());
  }
  return text;
}

}  // namespace landseer::cli
