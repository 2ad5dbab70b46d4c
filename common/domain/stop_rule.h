/// A rule that says when what an evaluation reported is reason enough to go no further:
/// `clean_accuracy < 0.5`, `clean.accuracy < 0.5 and (asr >= 0.9 or "top 5" == 0)`.
///
///     rule       = all { "or" all }
///     all        = term { "and" term }
///     term       = "(" rule ")" | metric comparison number
///     comparison = "<" | "<=" | ">" | ">=" | "==" | "!="
///
/// Metrics are named as in results, in quotes where a name has other characters than letters,
/// digits, `_`, `.`, `-` and `/`. Normative text: docs/pipelines.md, "Stopping early". Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace landseer::domain {

/// Rules are for people to read.
inline constexpr std::size_t kStopRuleBytesMax = 1024;
inline constexpr std::size_t kStopRuleComparisonsMax = 32;
inline constexpr std::size_t kStopRuleDepthMax = 16;  ///< parentheses inside parentheses

class StopRule {
 public:
  /// What an evaluation reported under a name; none: nothing, or no number.
  using Lookup = std::function<std::optional<double>(const std::string& metric)>;

  /// kInvalid or kLimit; the message says at which column, counted from 1, the hint how to mend it.
  static Result<StopRule> parse(std::string_view text);

  /// A comparison with a metric that is missing does not hold.
  bool holds(const Lookup& lookup) const;

  const std::string& text() const { return text_; }
  /// Those it asks for, each once, in the order of the text.
  const std::vector<std::string>& metrics() const { return metrics_; }

 private:
  enum class Step : std::uint8_t { kLess, kAtMost, kMore, kAtLeast, kEqual, kUnequal, kAnd, kOr };
  struct Instruction {
    Step step = Step::kLess;
    std::uint32_t metric = 0;  // with a comparison, as is the next
    double number = 0;
  };
  friend class StopRuleParser;

  static bool compare(double value, const Instruction& with);

  std::string text_;
  std::vector<std::string> metrics_;
  std::vector<Instruction> program_;  // operands before their operator
};

}  // namespace landseer::domain
