#include "common/domain/stop_rule.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/base/text.h"

namespace landseer::domain {
namespace {

constexpr const char* kExample = "write it like `clean_accuracy < 0.5`";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_part(char c) {
  return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '/';
}

}  // namespace

/// One pass over the text, one function for each line of the grammar.
class StopRuleParser {
 public:
  explicit StopRuleParser(std::string_view text) : text_(text) { rule_.text_ = std::string(text); }

  Result<StopRule> parse() {
    if (auto parsed = parse_any(0); !parsed) return tl::make_unexpected(parsed.error());
    skip_spaces();
    if (at_ < text_.size()) return unexpected(rest_hint());
    return std::move(rule_);
  }

 private:
  using Step = StopRule::Step;

  tl::unexpected<Error> wrong(std::size_t at, const std::string& what, std::string hint) const {
    return fail(
        ErrorCode::kInvalid,
        "the rule '" + std::string(text_) + "', column " + std::to_string(at + 1) + ": " + what,
        "stop_when", std::move(hint));
  }

  tl::unexpected<Error> unexpected(std::string hint) const {
    if (at_ >= text_.size()) return wrong(at_, "the rule ends too early", std::move(hint));
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_name_part(text_[at_]) && is_name_part(text_[end])) ++end;
    // A character is quoted whole: half of one could not be sent.
    while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xC0U) == 0x80) ++end;
    return wrong(at_, "'" + std::string(text_.substr(at_, end - at_)) + "' cannot stand here",
                 std::move(hint));
  }

  /// What may be meant by something behind a whole comparison.
  std::string rest_hint() const {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("%")) return "write a fraction: 0.5 instead of 50%";
    if (rest.starts_with("&")) return "write `and`";
    if (rest.starts_with("|")) return "write `or`";
    if (rest.starts_with(")")) return "remove the `)`, or open it with `(`";
    if (rest.starts_with("<") || rest.starts_with(">")) {
      return "write two comparisons with `and` between them";
    }
    return "join comparisons with `and` or `or`";
  }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  bool take(std::string_view word) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(word)) return false;
    const std::size_t end = at_ + word.size();
    if (is_letter(word[0]) && end < text_.size() && is_name_part(text_[end])) return false;
    at_ = end;
    return true;
  }

  Result<void> parse_any(std::size_t depth) {
    if (auto first = parse_all(depth); !first) return first;
    while (take("or")) {
      if (auto next = parse_all(depth); !next) return next;
      rule_.program_.push_back({Step::kOr});
    }
    return {};
  }

  Result<void> parse_all(std::size_t depth) {
    if (auto first = parse_term(depth); !first) return first;
    while (take("and")) {
      if (auto next = parse_term(depth); !next) return next;
      rule_.program_.push_back({Step::kAnd});
    }
    return {};
  }

  Result<void> parse_term(std::size_t depth) {
    if (!take("(")) return parse_comparison();
    const std::size_t opened = at_ - 1;
    if (depth >= kStopRuleDepthMax) {
      return wrong(opened, "too many parentheses inside each other", "write several rules");
    }
    if (auto inner = parse_any(depth + 1); !inner) return inner;
    if (take(")")) return {};
    if (at_ >= text_.size()) return wrong(opened, "'(' is not closed", "add the `)`");
    return unexpected(rest_hint());
  }

  Result<void> parse_comparison() {
    auto metric = parse_metric();
    if (!metric) return tl::make_unexpected(metric.error());
    const auto step = parse_step();
    if (!step) return tl::make_unexpected(step.error());
    const auto number = parse_number();
    if (!number) return tl::make_unexpected(number.error());
    if (++comparisons_ > kStopRuleComparisonsMax) {
      return fail(
          ErrorCode::kLimit,
          "the rule has more than " + std::to_string(kStopRuleComparisonsMax) + " comparisons",
          "stop_when", "write several rules");
    }
    auto& metrics = rule_.metrics_;
    const auto known = std::find(metrics.begin(), metrics.end(), *metric);
    const auto index = static_cast<std::uint32_t>(known - metrics.begin());
    if (known == metrics.end()) metrics.push_back(std::move(*metric));
    rule_.program_.push_back({*step, index, *number});
    return {};
  }

  Result<std::string> parse_metric() {
    skip_spaces();
    if (at_ >= text_.size()) return unexpected(kExample);
    const char first = text_[at_];
    if (first == '"' || first == '\'') {
      const auto end = text_.find(first, at_ + 1);
      if (end == std::string_view::npos) return wrong(at_, "the quote is not closed", "close it");
      std::string name(text_.substr(at_ + 1, end - at_ - 1));
      if (name.empty()) return wrong(at_, "a name of a metric is missing", kExample);
      at_ = end + 1;
      return name;
    }
    if (is_digit(first) || first == '-' || first == '+') {
      return unexpected("write the metric first: `clean_accuracy < 0.5`");
    }
    if (!is_letter(first)) return unexpected(kExample);
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name_part(text_[at_])) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (name == "and" || name == "or" || name == "not") {
      at_ = begin;
      return unexpected(name == "not" ? "turn the comparison round: `>=` instead of `<`"
                                      : "a comparison must stand on each side");
    }
    return std::string(name);
  }

  Result<Step> parse_step() {
    // The longer ones first.
    if (take("<=")) return Step::kAtMost;
    if (take(">=")) return Step::kAtLeast;
    if (take("==")) return Step::kEqual;
    if (take("!=")) return Step::kUnequal;
    if (take("<")) return Step::kLess;
    if (take(">")) return Step::kMore;
    const bool single = at_ < text_.size() && text_[at_] == '=';
    return unexpected(single ? "write `==`" : "a comparison is one of <, <=, >, >=, == and !=");
  }

  Result<double> parse_number() {
    skip_spaces();
    const std::size_t begin = at_ < text_.size() && text_[at_] == '+' ? at_ + 1 : at_;
    double number = 0;
    const char* const end = text_.data() + text_.size();
    const auto read = std::from_chars(text_.data() + begin, end, number);
    if (read.ec != std::errc{} || !std::isfinite(number)) {
      return unexpected("metrics are compared with numbers: `clean_accuracy < 0.5`");
    }
    at_ = static_cast<std::size_t>(read.ptr - text_.data());
    if (at_ < text_.size() && (is_letter(text_[at_]) || text_[at_] == '.')) {
      return unexpected("a number has digits, a point and an exponent: 0.5, -1, 2e-3");
    }
    return number;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t comparisons_ = 0;
  StopRule rule_;
};

Result<StopRule> StopRule::parse(std::string_view text) {
  if (text.size() > kStopRuleBytesMax) {
    return fail(ErrorCode::kLimit,
                "the rule is longer than " + std::to_string(kStopRuleBytesMax) + " bytes",
                "stop_when", "write several rules");
  }
  if (!is_utf8(text) || strip_control(text, false) != text) {
    return fail(ErrorCode::kInvalid, "the rule has characters that cannot be printed", "stop_when",
                kExample);
  }
  return StopRuleParser(text).parse();
}

bool StopRule::compare(double value, const Instruction& with) {
  switch (with.step) {
    case Step::kLess:
      return value < with.number;
    case Step::kAtMost:
      return value <= with.number;
    case Step::kMore:
      return value > with.number;
    case Step::kAtLeast:
      return value >= with.number;
    case Step::kEqual:
      return value == with.number;
    case Step::kUnequal:
      return value != with.number;
    case Step::kAnd:
    case Step::kOr:
      break;
  }
  return false;
}

bool StopRule::holds(const Lookup& lookup) const {
  std::vector<bool> results;
  for (const Instruction& instruction : program_) {
    if (instruction.step != Step::kAnd && instruction.step != Step::kOr) {
      const auto value = lookup(metrics_[instruction.metric]);
      results.push_back(value && compare(*value, instruction));
      continue;
    }
    const bool right = results.back();
    results.pop_back();
    const bool left = results.back();
    results.back() = instruction.step == Step::kAnd ? left && right : left || right;
  }
  return !results.empty() && results.back();
}

}  // namespace landseer::domain
