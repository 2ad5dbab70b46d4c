#include "submitter/cli/log_text.h"

#include <algorithm>

#include "common/base/text.h"
#include "submitter/report/utf8_end.h"

namespace landseer::cli {
namespace {

// Longer lines are passed on in parts: a binary dump must not fill the memory.
constexpr std::size_t kLineBytesMax = 256 * 1024;

}  // namespace

std::string LogText::add(std::string_view piece) {
  if (raw_) return std::string(piece);
  rest_ += piece;
  const auto end = rest_.find_last_of("\n\r");
  if (end == std::string::npos) return rest_.size() > kLineBytesMax ? take_rest(false) : "";
  // A carriage return at the very end may be half of a line end.
  const std::size_t taken = rest_[end] == '\r' && end + 1 == rest_.size() ? end : end + 1;
  std::string text = clean(std::string_view(rest_).substr(0, taken));
  rest_.erase(0, taken);
  return text;
}

std::string LogText::take_rest(bool at_end) {
  const std::size_t kept = at_end ? 0 : report::unfinished_bytes(rest_);
  const std::size_t taken = rest_.size() - kept;
  std::string text = clean(std::string_view(rest_).substr(0, taken));
  rest_.erase(0, taken);
  return text;
}

std::string LogText::clean(std::string_view text) const {
  std::string lines;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      lines.push_back(text[i]);
    } else if (i + 1 >= text.size() || text[i + 1] != '\n') {
      lines.push_back('\n');
    }
  }
  return strip_control(lines, true);
}

std::size_t tail_begin(std::string_view text, std::size_t lines) {
  if (lines == 0) return text.size();
  std::size_t at = text.ends_with('\n') ? text.size() - 1 : text.size();
  while (at > 0) {
    const auto end = text.rfind('\n', at - 1);
    if (end == std::string_view::npos) return 0;
    if (--lines == 0) return end + 1;
    at = end;
  }
  return 0;
}

std::size_t count_lines(std::string_view text) {
  const auto ends = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  return ends + (text.empty() || text.ends_with('\n') ? 0 : 1);
}

}  // namespace landseer::cli
