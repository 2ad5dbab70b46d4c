#include "common/domain/config.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace landseer::domain {
namespace {

using nlohmann::json;

constexpr std::size_t kConfigBytesMax = 64 * 1024;
constexpr int kDepthMax = 16;
/// Whole numbers below 2^63 have an integer's form; a larger double keeps its own.
constexpr double kWholeMax = 9.2e18;

/// Gives every number its one form. nlohmann keeps object keys sorted already. The parser's depth
/// limit bounds the recursion.
void normalise_numbers(json& value) {
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::trunc(number) == number && std::abs(number) <= kWholeMax) {
      value = static_cast<std::int64_t>(number);
    }
  } else if (value.is_structured()) {
    for (auto& item : value) normalise_numbers(item);
  }
}

/// Takes `"plain text"` off the front: no escapes, and nothing but printable ASCII.
std::optional<std::string_view> take_plain_string(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  const std::size_t end = text.find('"', 1);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view inside = text.substr(1, end - 1);
  const bool is_plain = std::all_of(inside.begin(), inside.end(),
                                    [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
  if (!is_plain) return std::nullopt;
  text.remove_prefix(end + 1);
  return inside;
}

/// Takes a whole number off the front that is written in its one form.
bool take_plain_number(std::string_view& text) {
  constexpr std::size_t kDigitsMax = 15;
  std::size_t end = 0;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  if (end == 0 || end > kDigitsMax || (text[0] == '0' && end > 1)) return false;
  text.remove_prefix(end);
  return true;
}

/// Whether the text is in canonical form, as far as that can be seen without parsing it: an object
/// of plain texts and whole numbers with its keys in order. A submission has one for each task,
/// made by a client that has parsed it already.
bool is_plainly_canonical(std::string_view text) {
  if (!text.starts_with('{')) return false;
  text.remove_prefix(1);
  std::optional<std::string_view> last;
  for (;;) {
    const auto key = take_plain_string(text);
    if (!key || (last && *key <= *last) || !text.starts_with(':')) return false;
    last = key;
    text.remove_prefix(1);
    if (!take_plain_number(text) && !take_plain_string(text)) return false;
    if (text == "}") return true;
    if (!text.starts_with(',')) return false;
    text.remove_prefix(1);
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out.push_back('"');
  const auto is_plain = [](char c) {
    return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
  };
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    out += text;
    out.push_back('"');
    return;
  }
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kDigits[c & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

Config::Config(std::initializer_list<std::pair<std::string_view, std::string_view>> entries) {
  json object = json::object();
  for (const auto& [key, value] : entries) object[std::string(key)] = std::string(value);
  text_ = object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Config> Config::parse(std::string_view text) {
  if (text.size() > kConfigBytesMax) {
    return fail(ErrorCode::kLimit, "the configuration is larger than 64 KiB", "config",
                "put large values into a file that a tool reads");
  }
  if (is_plainly_canonical(text)) {
    Config config;
    config.text_ = text;
    return config;
  }
  bool too_deep = false;
  const json::parser_callback_t limit_depth = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kDepthMax;
    return !too_deep;
  };
  json value = json::parse(text, limit_depth, /*allow_exceptions=*/false);
  if (too_deep) {
    return fail(ErrorCode::kLimit, "the configuration nests deeper than 16 levels", "config",
                "flatten it");
  }
  if (value.is_discarded() || !value.is_object()) {
    return fail(ErrorCode::kInvalid, "the configuration is not a JSON object of UTF-8 text",
                "config", "write {\"name\": value}");
  }
  normalise_numbers(value);
  Config config;
  config.text_ = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return config;
}

}  // namespace landseer::domain
