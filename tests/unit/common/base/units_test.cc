#include "common/base/units.h"

#include <gtest/gtest.h>

namespace landseer {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, ReadsUnitsAndTheirSums) {
  EXPECT_EQ(parse_duration("90"), Duration(90s));
  EXPECT_EQ(parse_duration("1h30m"), Duration(90min));
  EXPECT_EQ(parse_duration("2h 5s"), Duration(2h + 5s));
  EXPECT_EQ(parse_duration("250ms"), Duration(250ms));
  EXPECT_EQ(parse_duration("0.5s"), Duration(500ms));
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const char* text : {"", "-5s", "5 parsecs", "s", "1h-", "1e400", "nan", "999999999d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(ParseBytes, UsesPowersOf1024) {
  EXPECT_EQ(parse_bytes("512"), 512u);
  EXPECT_EQ(parse_bytes("1K"), 1024u);
  EXPECT_EQ(parse_bytes("1.5GiB"), 1536ull << 20);
  EXPECT_EQ(parse_bytes("2TB"), 2ull << 40);
  for (const char* text : {"", "-1", "5X", "5 GiBs", "9999999999T"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(Formats, AreShort) {
  EXPECT_EQ(format_duration(450ms), "450ms");
  EXPECT_EQ(format_duration(12300ms), "12.3s");
  EXPECT_EQ(format_duration(185s), "3m05s");
  EXPECT_EQ(format_duration(62min), "1h02m");
  EXPECT_EQ(format_duration(27h), "1d03h");
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
}

}  // namespace
}  // namespace landseer
