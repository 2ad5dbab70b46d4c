#include "common/domain/config.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
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
