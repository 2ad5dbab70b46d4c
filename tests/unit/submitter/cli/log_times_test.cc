#include "submitter/cli/log_times.h"

#include <gtest/gtest.h>

#include <vector>

#include "submitter/cli/times.h"

namespace landseer::cli {
namespace {

const std::vector<protocol::LogTime> kTimes{{0, 1'700'000'000'000}, {4, 1'700'000'001'250}};
const std::string kFirst = exact_time(1'700'000'000'000) + " ";
const std::string kSecond = exact_time(1'700'000'001'250) + " ";

TEST(LogStamps, EachLineHasTheTimeItBeganAt) {
  LogStamps stamps;
  EXPECT_EQ(stamps.add(0, "one\ntwo\nthree\n", kTimes),
            kFirst + "one\n" + kSecond + "two\n" + kSecond + "three\n");
}

TEST(LogStamps, ALineInTwoPiecesHasOneTime) {
  LogStamps stamps;
  EXPECT_EQ(stamps.add(0, "on", kTimes), kFirst + "on");
  EXPECT_EQ(stamps.add(2, "e\ntwo", kTimes), "e\n" + kSecond + "two");
  EXPECT_EQ(stamps.add(7, "\n", kTimes), "\n");
}

TEST(LogStamps, WithoutMarksTheTimeIsUnknown) {
  LogStamps stamps;
  EXPECT_EQ(stamps.add(0, "one\n", {}), "- one\n");
}

TEST(LogStamps, MillisecondsAreShown) {
  EXPECT_TRUE(exact_time(1'700'000'001'250).ends_with(".250"));
  EXPECT_EQ(exact_time(0), "-");
}

}  // namespace
}  // namespace landseer::cli
