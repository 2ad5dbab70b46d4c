#include "submitter/cli/table.h"

#include <gtest/gtest.h>

#include <clocale>
#include <sstream>

#include "submitter/cli/text_width.h"

namespace landseer::cli {
namespace {

class TableText : public ::testing::Test {
 protected:
  void SetUp() override { std::setlocale(LC_CTYPE, "C.UTF-8"); }
  Screen screen(std::size_t width) { return {stream_, false, false, false, width}; }
  std::ostringstream stream_;
};

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) {
    widest = std::max(widest, display_width(line));
  }
  return widest;
}

TEST_F(TableText, AlignsColumnsWithoutALimit) {
  Table table({{"NAME"}, {.title = "COUNT", .side = Side::kRight}});
  table.add({std::string("a"), std::string("7")});
  table.add({std::string("longer"), std::string("1234567")});
  EXPECT_EQ(table.text(screen(0)),
            "NAME      COUNT\n"
            "a             7\n"
            "longer  1234567\n");
}

/// A metric's name is one that a tool chose.
TEST_F(TableText, TitlesAndCellsHaveNoControlCharacters) {
  Table table({{"NAME\x1b[31m"}});
  table.add({std::string("a\x1b]0;title\x07z")});
  EXPECT_EQ(table.text(screen(0)), "NAME\naz\n");
}

TEST_F(TableText, ShrinksTheWidestColumnFirst) {
  Table table({{"ID"}, {.title = "NAME", .width_min = 4}});
  table.add({std::string("id_1"), std::string("abcdefghijkl")});
  EXPECT_EQ(table.text(screen(14)),
            "ID    NAME\n"
            "id_1  abcdef..\n");
}

TEST_F(TableText, LeavesOutOptionalColumnsBeforeItCutsLines) {
  Table table({{"ID"}, {.title = "NOTE", .optional = true}, {"STATE"}});
  table.add({std::string("id_1"), std::string("something"), std::string("running")});
  EXPECT_EQ(table.text(screen(14)),
            "ID    STATE\n"
            "id_1  running\n");
}

TEST_F(TableText, NoLineIsWiderThanTheScreen) {
  Table table({{"ID"}, {.title = "NAME", .width_min = 6}, {"STATE"}, {"MORE"}});
  table.add({std::string("pipeline_1"), std::string(300, 'x'), std::string("completed"),
             std::string("日本語のとても長い名前")});
  for (std::size_t width = 1; width < 90; ++width) {
    EXPECT_LE(widest_line(table.text(screen(width))), width) << width;
  }
}

TEST_F(TableText, WideCharactersCountTwice) {
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(fit("日本語", 5, ".."), "日..");
  EXPECT_EQ(fit("日本語", 6, ".."), "日本語");
  EXPECT_EQ(fit("abc", 1, ".."), "a");
  EXPECT_EQ(display_width("\xff\xfe"), 2u);
}

TEST_F(TableText, ControlSequencesDoNotReachTheScreen) {
  Table table({{"NAME"}});
  table.add({std::string("\x1b[31mred\x1b[0m\nline")});
  EXPECT_EQ(table.text(screen(0)), "NAME\nred line\n");
}

TEST_F(TableText, ColourOnlyWhereTheScreenHasIt) {
  Table table({{"STATE"}});
  table.add({{"failed", Color::kRed}});
  Screen colored{stream_, true, true, true, 0};
  EXPECT_NE(table.text(colored).find("\x1b[31mfailed\x1b[0m"), std::string::npos);
  EXPECT_EQ(table.text(screen(0)).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace landseer::cli
