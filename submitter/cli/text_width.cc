#include "submitter/cli/text_width.h"

#include <wchar.h>

#include "common/base/text.h"

namespace landseer::cli {
namespace {

struct Glyph {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

std::size_t sequence_bytes(unsigned char lead) {
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  if (lead >= 0xE0) return lead < 0xF0 ? 3 : 1;
  return lead >= 0xC2 ? 2 : 1;
}

/// The character at the front of `text`, which is not empty.
Glyph first_glyph(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = sequence_bytes(lead);
  if (bytes == 1 || bytes > text.size()) return {};
  auto code = static_cast<wchar_t>(lead & (0xFFu >> (bytes + 1)));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return {};
    code = static_cast<wchar_t>(code << 6 | (next & 0x3F));
  }
  const int columns = ::wcwidth(code);
  return {bytes, columns < 0 ? 1 : static_cast<std::size_t>(columns)};
}

/// The length in bytes of the longest beginning that takes at most `columns`.
std::size_t prefix_bytes(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  std::size_t taken = 0;
  while (bytes < text.size()) {
    const Glyph glyph = first_glyph(text.substr(bytes));
    if (taken + glyph.columns > columns) break;
    taken += glyph.columns;
    bytes += glyph.bytes;
  }
  return bytes;
}

}  // namespace

std::string one_line(std::string text) {
  for (char& c : text) c = c == '\n' || c == '\t' || c == '\r' ? ' ' : c;
  return strip_control(text, false);
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Glyph glyph = first_glyph(text);
    columns += glyph.columns;
    text.remove_prefix(glyph.bytes);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns, std::string_view ellipsis) {
  if (display_width(text) <= columns) return std::string(text);
  const std::size_t mark = display_width(ellipsis);
  if (columns < mark) return std::string(text.substr(0, prefix_bytes(text, columns)));
  std::string cut(text.substr(0, prefix_bytes(text, columns - mark)));
  return cut += ellipsis;
}

std::string pad(std::string text, std::size_t columns, Side side) {
  const std::size_t width = display_width(text);
  if (width >= columns) return text;
  text.insert(side == Side::kRight ? 0 : text.size(), columns - width, ' ');
  return text;
}

}  // namespace landseer::cli
