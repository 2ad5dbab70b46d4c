#include "common/domain/stop_rule.h"

#include <gtest/gtest.h>

#include <map>

#include "common/base/text.h"

namespace landseer::domain {
namespace {

using Metrics = std::map<std::string, double>;

bool holds(const std::string& text, const Metrics& metrics) {
  const auto rule = StopRule::parse(text);
  EXPECT_TRUE(rule) << (rule ? "" : rule.error().message);
  return rule && rule->holds([&](const std::string& name) -> std::optional<double> {
    const auto found = metrics.find(name);
    return found != metrics.end() ? std::optional(found->second) : std::nullopt;
  });
}

TEST(StopRule, ComparesAMetricWithANumber) {
  const Metrics metrics{{"a", 0.5}, {"loss", -2}};
  for (const char* text : {"a == 0.5", "a<=0.5", "a >= 5e-1", "a < +0.6", "a > 0.4", "a != 0.4",
                           "loss < -1.5", "loss == -2", "(a == .5)"}) {
    EXPECT_TRUE(holds(text, metrics)) << text;
  }
  for (const char* text : {"a < 0.5", "a > 0.5", "a != 0.5", "a == 0.4", "loss > -2", "a >= 1"}) {
    EXPECT_FALSE(holds(text, metrics)) << text;
  }
}

TEST(StopRule, AndBindsCloserThanOr) {
  const Metrics metrics{{"t", 1}, {"f", 0}};
  EXPECT_TRUE(holds("t == 1 or f == 1 and f == 1", metrics));
  EXPECT_FALSE(holds("(t == 1 or f == 1) and f == 1", metrics));
  EXPECT_TRUE(holds("f == 1 and f == 1 or t == 1", metrics));
  EXPECT_FALSE(holds("t == 1 and (f == 1 or f == 2)", metrics));
}

TEST(StopRule, AMissingMetricHoldsNothingUp) {
  EXPECT_FALSE(holds("gone < 1", {}));
  EXPECT_FALSE(holds("gone != 1", {}));
  EXPECT_FALSE(holds("a < 1 and gone < 1", {{"a", 0}}));
  EXPECT_TRUE(holds("gone < 1 or a < 1", {{"a", 0}}));
}

TEST(StopRule, NamesMayHaveDotsDashesAndWithQuotesAnything) {
  const Metrics metrics{{"clean.top-5/x", 1}, {"top 5 %", 2}, {"order", 3}, {"and", 4}};
  EXPECT_TRUE(holds("clean.top-5/x == 1", metrics));
  EXPECT_TRUE(holds("\"top 5 %\" == 2 and 'and' == 4", metrics));
  EXPECT_TRUE(holds("order == 3", metrics));
}

TEST(StopRule, ListsItsMetricsOnce) {
  const auto rule = StopRule::parse("b < 1 or a < 1 and b > 0");
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->metrics(), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(rule->text(), "b < 1 or a < 1 and b > 0");
}

struct Bad {
  const char* text;
  const char* column;
  const char* hint;
};

TEST(StopRule, ErrorsSayWhereAndHowToMendIt) {
  for (const Bad& bad : {Bad{"", "column 1", "clean_accuracy < 0.5"},
                         Bad{"accuracy", "column 9", "a comparison is one of"},
                         Bad{"accuracy = 0.5", "column 10", "`==`"},
                         Bad{"accuracy < high", "column 12", "numbers"},
                         Bad{"accuracy < 50%", "column 14", "0.5 instead of 50%"},
                         Bad{"0.5 > accuracy", "column 1", "metric first"},
                         Bad{"a < 1 && b < 1", "column 7", "`and`"},
                         Bad{"a < 1 || b < 1", "column 7", "`or`"},
                         Bad{"a < 1 b < 1", "column 7", "join"},
                         Bad{"a < 1 < 2", "column 7", "two comparisons"},
                         Bad{"a < 1 and", "column 10", "clean_accuracy"},
                         Bad{"and a < 1", "column 1", "each side"},
                         Bad{"not a < 1", "column 1", "turn the comparison round"},
                         Bad{"(a < 1", "column 1", "add the `)`"},
                         Bad{"a < 1)", "column 6", "remove the `)`"},
                         Bad{"\"a < 1", "column 1", "close it"},
                         Bad{"'' < 1", "column 1", "like"},
                         Bad{"a < inf", "column 5", "numbers"},
                         Bad{"a < 1.2.3", "column 8", "digits"},
                         Bad{"a < 0x10", "column 6", "digits"},
                         Bad{"a < 1\u00e0", "column 6: '\u00e0' cannot", "join"},
                         Bad{"a \U0001f600", "column 3: '\U0001f600' cannot", "comparison"}}) {
    const auto rule = StopRule::parse(bad.text);
    ASSERT_FALSE(rule) << bad.text;
    EXPECT_EQ(rule.error().code, ErrorCode::kInvalid) << bad.text;
    EXPECT_NE(rule.error().message.find(bad.column), std::string::npos) << rule.error().message;
    EXPECT_TRUE(is_utf8(rule.error().message)) << bad.text;
    EXPECT_NE(rule.error().hint.find(bad.hint), std::string::npos) << rule.error().hint;
  }
}

TEST(StopRule, HasLimits) {
  EXPECT_EQ(StopRule::parse(std::string(kStopRuleBytesMax + 1, ' ')).error().code,
            ErrorCode::kLimit);
  std::string many = "a<1";
  for (std::size_t i = 1; i < kStopRuleComparisonsMax; ++i) many += " or a<1";
  EXPECT_TRUE(StopRule::parse(many));
  EXPECT_EQ(StopRule::parse(many + " or a<1").error().code, ErrorCode::kLimit);
  const std::string open(kStopRuleDepthMax, '(');
  const std::string close(kStopRuleDepthMax, ')');
  EXPECT_TRUE(StopRule::parse(open + "a<1" + close));
  EXPECT_FALSE(StopRule::parse("(" + open + "a<1" + close + ")"));
  EXPECT_FALSE(StopRule::parse("a < 1\n"));
  EXPECT_FALSE(StopRule::parse("\x80 < 1"));
}

}  // namespace
}  // namespace landseer::domain
