#include "common/base/text.h"

#include <gtest/gtest.h>

namespace landseer {
namespace {

TEST(NearestWord, FindsATypingErrorAndNothingFarAway) {
  const std::vector<std::string> words{"submit", "status", "watch"};
  EXPECT_EQ(nearest_word("sumbit", words), "submit");
  EXPECT_EQ(nearest_word("stats", words), "status");
  EXPECT_EQ(nearest_word("frobnicate", words), "");
}

TEST(StripControl, RemovesEscapeSequencesAndKeepsText) {
  EXPECT_EQ(strip_control("\x1b[31mred\x1b[0m", false), "red");
  EXPECT_EQ(strip_control("\x1b]0;title\aname", false), "name");
  EXPECT_EQ(strip_control("a\x1b]8;;http://x\x1b\\b", false), "ab");
  EXPECT_EQ(strip_control("one\ntwo\rthree\x7f", false), "onetwothree");
  EXPECT_EQ(strip_control("one\ntwo\tthree", true), "one\ntwo\tthree");
  EXPECT_EQ(strip_control("caf\xc3\xa9 \xc2\x9b"
                          "1m",
                          false),
            "caf\xc3\xa9 1m");
  EXPECT_EQ(strip_control("ends with \x1b", false), "ends with ");
}

TEST(StripControl, LeavesNothingThatTogetherIsAControlCharacter) {
  // What stands between the two bytes of a C1 control goes away.
  EXPECT_EQ(strip_control("\xc2\x0f\x9b"
                          "31m",
                          false),
            "\xef\xbf\xbd\xef\xbf\xbd"
            "31m");
  EXPECT_EQ(strip_control("\xc2\x1b[0m\x9b", true), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(strip_control("one byte \x9b", true), "one byte \xef\xbf\xbd");
  EXPECT_EQ(strip_control("cut \xe2\x82", true), "cut \xef\xbf\xbd\xef\xbf\xbd");
}

TEST(IsUtf8, RefusesOverlongSurrogatesAndTruncation) {
  EXPECT_TRUE(is_utf8("plain \xe2\x82\xac \xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("\xe2\x82"));
  EXPECT_FALSE(is_utf8("\xf5\x80\x80\x80"));
  EXPECT_FALSE(is_utf8("\x80"));
}

TEST(SplitWords, FollowsTheShellWithoutRunningOne) {
  std::vector<std::string> words;
  ASSERT_TRUE(split_words("python3 main.py --name 'two words' \"a \\\"b\\\"\" c\\ d", words));
  EXPECT_EQ(words, (std::vector<std::string>{"python3", "main.py", "--name", "two words", "a \"b\"",
                                             "c d"}));
  ASSERT_TRUE(split_words("  ", words));
  EXPECT_TRUE(words.empty());
  ASSERT_TRUE(split_words("a '' b", words));
  EXPECT_EQ(words.size(), 3u);
  EXPECT_FALSE(split_words("open 'quote", words));
  ASSERT_TRUE(split_words("$(rm -rf /) ; `x`", words));
  EXPECT_EQ(words[0], "$(rm");
}

}  // namespace
}  // namespace landseer
