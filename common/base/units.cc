#include "common/base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace landseer {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 10> kDurationUnits{{{"ns", 1e-9},
                                                                              {"us", 1e-6},
                                                                              {"ms", 1e-3},
                                                                              {"", 1},
                                                                              {"s", 1},
                                                                              {"sec", 1},
                                                                              {"m", 60},
                                                                              {"min", 60},
                                                                              {"h", 3600},
                                                                              {"d", 86400}}};
constexpr double kSecondsMax = 100.0 * 365 * 86400;

std::optional<double> unit_seconds(std::string_view unit) {
  for (const auto& [name, seconds] : kDurationUnits) {
    if (name == unit) return seconds;
  }
  return std::nullopt;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Takes a non-negative decimal number off the front of `text`.
std::optional<double> take_number(std::string_view& text) {
  if (text.empty() || text[0] == '-' || text[0] == '+') return std::nullopt;
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || !(value >= 0) || value > 1e300) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::string_view take_letters(std::string_view& text) {
  while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
  std::size_t n = 0;
  while (n < text.size() && is_letter(text[n])) ++n;
  const std::string_view letters = text.substr(0, n);
  text.remove_prefix(n);
  while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
  return letters;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    const auto value = take_number(text);
    if (!value) return std::nullopt;
    const auto unit = unit_seconds(take_letters(text));
    if (!unit) return std::nullopt;
    seconds += *value * *unit;
  }
  if (seconds > kSecondsMax) return std::nullopt;
  return Duration(std::llround(seconds * 1e9));
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  const auto value = take_number(text);
  if (!value) return std::nullopt;
  std::string_view unit = take_letters(text);
  if (!text.empty()) return std::nullopt;
  constexpr std::string_view kLetters = "KMGT";
  double factor = 1;
  if (!unit.empty() && unit != "B") {
    const char letter = static_cast<char>(unit[0] & ~0x20);
    const auto power = kLetters.find(letter);
    const std::string_view rest = unit.substr(1);
    if (power == std::string_view::npos || (rest != "" && rest != "B" && rest != "iB")) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i <= power; ++i) factor *= 1024;
  }
  if (*value * factor > 9e18) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(*value * factor));
}

std::string format_duration(Duration duration) {
  const double seconds = static_cast<double>(duration.count()) / 1e9;
  if (seconds < 1) return fmt::format("{:.0f}ms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.1f}s", seconds);
  const auto whole = std::int64_t{std::llround(seconds)};
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace landseer
