#include "common/domain/config.h"

#include <gtest/gtest.h>

namespace landseer::domain {
namespace {

TEST(Config, EqualMeaningIsEqualText) {
  const auto a = Config::parse(R"({ "b": 1.0, "a": {"y": 2, "x": 1e3} })");
  const auto b = Config::parse(R"({"a":{"x":1000,"y":2.0},"b":1})");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->text(), R"({"a":{"x":1000,"y":2},"b":1})");
  EXPECT_EQ(*a, *b);
}

TEST(Config, LargeWholeNumbersHaveOneFormToo) {
  EXPECT_EQ(Config::parse(R"({"a":1e16})")->text(),
            Config::parse(R"({"a":10000000000000000})")->text());
  EXPECT_TRUE(Config::parse(R"({"a":1e300})"));
}

TEST(Config, KeepsWhatDiffers) {
  EXPECT_NE(Config::parse(R"({"a":1})")->text(), Config::parse(R"({"a":"1"})")->text());
  EXPECT_EQ(Config::parse(R"({"a":0.1})")->text(), R"({"a":0.1})");
  EXPECT_EQ(Config::parse("{\"a\":\"\xc3\xa9\"}")->text(), "{\"a\":\"\xc3\xa9\"}");
}

TEST(Config, RefusesWhatIsNotAnObject) {
  for (const char* text : {"", "[]", "3", "{", "{\"a\":NaN}", "{\"a\":\"\xff\"}", "{}x"}) {
    EXPECT_FALSE(Config::parse(text)) << text;
  }
  EXPECT_FALSE(Config::parse("{\"a\":\"" + std::string(70'000, 'x') + "\"}"));
  EXPECT_FALSE(Config::parse("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"));
}

TEST(Config, FromEntriesIsCanonicalToo) {
  EXPECT_EQ(Config({{"tool_name", "x"}, {"stage", "deployment"}}).text(),
            R"({"stage":"deployment","tool_name":"x"})");
  EXPECT_EQ(Config().text(), "{}");
}

}  // namespace
}  // namespace landseer::domain
