#include "submitter/pipeline/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace landseer::pipeline {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <class Number>
std::optional<Number> whole(std::string_view text, int base) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Digits with at most one point and an exponent; words such as `inf` are not for us.
bool looks_like_number(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  if (text.empty() ||
      !(is_digit(text[0]) || (text[0] == '.' && text.size() > 1 && is_digit(text[1])))) {
    return false;
  }
  return text.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
}

std::optional<Scalar> number_of(std::string_view text) {
  if (text.starts_with("0x")) {
    if (const auto value = whole<std::uint64_t>(text.substr(2), 16)) return *value;
    return std::nullopt;
  }
  if (text.starts_with("0o")) {
    if (const auto value = whole<std::uint64_t>(text.substr(2), 8)) return *value;
    return std::nullopt;
  }
  if (text.starts_with("+")) text.remove_prefix(1);
  if (!looks_like_number(text)) return std::nullopt;
  if (const auto value = whole<std::int64_t>(text, 10)) return *value;
  if (const auto value = whole<std::uint64_t>(text, 10)) return *value;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_infinite_word(std::string_view text) {
  if (text.starts_with("+") || text.starts_with("-")) text.remove_prefix(1);
  constexpr std::array<std::string_view, 6> kWords{".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

/// Appends nodes as JSON. The bounds on a file's depth and size bound the recursion.
class JsonWriter {
 public:
  explicit JsonWriter(Diagnostics& out) : out_(out) {}

  void write(const Node& node) {
    switch (node.kind) {
      case Node::Kind::kNull:
        json_ += "null";
        return;
      case Node::Kind::kText:
        write_text(node);
        return;
      case Node::Kind::kList:
        write_list(node);
        return;
      case Node::Kind::kMap:
        write_map(node);
        return;
    }
  }
  const std::string& json() const { return json_; }

 private:
  void write_list(const Node& node) {
    char separator = '[';
    for (const Node* item : node.items) {
      json_.push_back(separator);
      separator = ',';
      write(*item);
    }
    json_ += node.items.empty() ? "[]" : "]";
  }

  void write_map(const Node& node) {
    char separator = '{';
    for (const Node::Entry& entry : node.entries) {
      json_.push_back(separator);
      separator = ',';
      domain::append_json_string(json_, entry.key->text);
      json_.push_back(':');
      write(*entry.value);
    }
    json_ += node.entries.empty() ? "{}" : "}";
  }

  void write_text(const Node& node) {
    if (node.plain && is_infinite_word(node.text)) {
      out_.error("'" + node.text + "' is not a number that JSON knows", node.place(),
                 "put it in quotes to pass it as a text");
    }
    const Scalar value = resolve(node);
    if (const auto* text = std::get_if<std::string>(&value)) {
      domain::append_json_string(json_, *text);
    } else if (const auto* flag = std::get_if<bool>(&value)) {
      json_ += *flag ? "true" : "false";
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      json_ += std::to_string(*number);
    } else if (const auto* positive = std::get_if<std::uint64_t>(&value)) {
      json_ += std::to_string(*positive);
    } else {
      std::array<char, 32> digits{};
      const auto end =
          std::to_chars(digits.data(), digits.data() + digits.size(), std::get<double>(value));
      json_.append(digits.data(), end.ptr);
    }
  }

  Diagnostics& out_;
  std::string json_;
};

}  // namespace

Scalar resolve(const Node& node) {
  const std::string& text = node.text;
  if (!node.plain) return text;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return number_of(text).value_or(Scalar(text));
}

domain::Config read_config(const Node& node, Diagnostics& out) {
  if (!node.is_map()) {
    out.error("a configuration must be a mapping", node.place(),
              "write `key: value` lines below it");
    return {};
  }
  JsonWriter writer(out);
  writer.write(node);
  Result<domain::Config> config = domain::Config::parse(writer.json());
  if (config) return *std::move(config);
  out.error(config.error().message, node.place(),
            "pass large or deep settings as a file in the image", config.error().code);
  return {};
}

std::string quote_words(const std::vector<std::string>& words) {
  constexpr std::string_view kSafe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_-+=:,./";
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line.push_back(' ');
    if (!word.empty() && word.find_first_not_of(kSafe) == std::string::npos) {
      line += word;
      continue;
    }
    line.push_back('\'');
    for (const char c : word) line += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
    line.push_back('\'');
  }
  return line;
}

}  // namespace landseer::pipeline
