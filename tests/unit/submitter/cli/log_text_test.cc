#include "submitter/cli/log_text.h"

#include <gtest/gtest.h>

namespace landseer::cli {
namespace {

TEST(LogText, HoldsBackAnUnfinishedLine) {
  LogText text(false);
  EXPECT_EQ(text.add("one\ntw"), "one\n");
  EXPECT_EQ(text.add("o\n"), "two\n");
  EXPECT_EQ(text.add("rest"), "");
  EXPECT_EQ(text.take_rest(true), "rest");
}

TEST(LogText, AnEscapeSequenceAcrossPiecesIsTakenOut) {
  LogText text(false);
  EXPECT_EQ(text.add("a\x1b["), "");
  EXPECT_EQ(text.add("2Jb\n"), "ab\n");
}

TEST(LogText, CarriageReturnsOfProgressMetersEndLines) {
  LogText text(false);
  EXPECT_EQ(text.add("10%\r20%\r30%\r\ndone\n"), "10%\n20%\n30%\ndone\n");
}

TEST(LogText, ACarriageReturnAtTheEndWaitsForItsNewline) {
  LogText text(false);
  EXPECT_EQ(text.add("a\r"), "a");
  EXPECT_EQ(text.add("\nb\n"), "\nb\n");
}

TEST(LogText, NoCharacterIsCutInTwo) {
  LogText text(false);
  text.add("gr\xc3");
  EXPECT_EQ(text.take_rest(false), "gr");
  EXPECT_EQ(text.add("\xbc\xc3\x9f\n"), "\xc3\xbc\xc3\x9f\n");
}

TEST(LogText, RawPassesEverything) {
  LogText text(true);
  EXPECT_EQ(text.add("\x1b[31mred"), "\x1b[31mred");
}

TEST(LogText, TailBegins) {
  EXPECT_EQ(tail_begin("a\nb\nc\n", 1), 4u);
  EXPECT_EQ(tail_begin("a\nb\nc", 1), 4u);
  EXPECT_EQ(tail_begin("a\nb\nc\n", 2), 2u);
  EXPECT_EQ(tail_begin("a\nb\nc\n", 3), 0u);
  EXPECT_EQ(tail_begin("a\nb\nc\n", 9), 0u);
  EXPECT_EQ(tail_begin("a\n", 0), 2u);
  EXPECT_EQ(tail_begin("", 3), 0u);
  EXPECT_EQ(tail_begin("\n\n\n", 2), 1u);
}

TEST(LogText, CountsLines) {
  EXPECT_EQ(count_lines(""), 0u);
  EXPECT_EQ(count_lines("a"), 1u);
  EXPECT_EQ(count_lines("a\nb\n"), 2u);
}

}  // namespace
}  // namespace landseer::cli
