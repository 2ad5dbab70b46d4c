#include "broker/core/tool_times.h"

#include <gtest/gtest.h>

namespace landseer::broker {
namespace {

using namespace std::chrono_literals;

TEST(ToolTimes, NothingIsExpectedOfUnknownTools) {
  const ToolTimes times;
  EXPECT_FALSE(times.expected("train"));
  EXPECT_FALSE(times.slowest_mean_ms("train"));
  EXPECT_TRUE(times.rows().empty());
}

TEST(ToolTimes, TheFirstTimeIsExpectedUntilTheMeanIsElsewhere) {
  ToolTimes times;
  EXPECT_TRUE(times.open("train", "cpu")->learn(1000));
  EXPECT_EQ(times.expected("train"), 1s);
  EXPECT_FALSE(times.open("train", "cpu")->learn(1200));  // the mean is 1100
  EXPECT_EQ(times.expected("train"), 1s);
  EXPECT_TRUE(times.open("train", "cpu")->learn(1400));  // 1200
  EXPECT_EQ(times.expected("train"), 1200ms);
}

TEST(ToolTimes, DevicesAreLearnedApartAndExpectedInTheMean) {
  ToolTimes times;
  times.open("train", "H100")->learn(1000);
  EXPECT_TRUE(times.open("train", "A100")->learn(3000));
  EXPECT_EQ(times.expected("train"), 2s);
  EXPECT_EQ(times.find("train", "A100")->samples, 1u);
  EXPECT_EQ(times.find("train", "cpu"), nullptr);
}

TEST(ToolTimes, ATimeBelowAMillisecondCountsAsOne) {
  ToolTimes times;
  EXPECT_TRUE(times.open("true", "cpu")->learn(0));
  EXPECT_EQ(times.expected("true"), 1ms);
  EXPECT_FALSE(times.open("true", "cpu")->learn(1));
}

TEST(ToolTimes, TheSlowestDeviceIsKnownWhenAllWereMeasuredTwice) {
  ToolTimes times;
  times.open("train", "H100")->learn(1000);
  times.open("train", "H100")->learn(1000);
  EXPECT_EQ(times.slowest_mean_ms("train"), 1000.0);
  times.open("train", "A100")->learn(3000);
  EXPECT_FALSE(times.slowest_mean_ms("train"));
  times.open("train", "A100")->learn(3000);
  EXPECT_EQ(times.slowest_mean_ms("train"), 3000.0);
}

TEST(ToolTimes, OnlySoManyAreRemembered) {
  ToolTimes times;
  for (std::size_t i = 0; i < kDevicesPerToolMax; ++i) {
    EXPECT_TRUE(times.open("train", "gpu " + std::to_string(i))->learn(5));
  }
  EXPECT_EQ(times.open("train", "one more"), nullptr);
  for (std::size_t i = 0; i < kToolTimesMax; ++i) {
    if (ToolTime* time = times.open(std::to_string(i), "cpu")) time->learn(5);
  }
  EXPECT_EQ(times.rows().size(), kToolTimesMax);
  EXPECT_EQ(times.open("new", "cpu"), nullptr);
  EXPECT_FALSE(times.expected("new"));
  EXPECT_FALSE(times.open("train", "gpu 1")->learn(5));  // still known
  EXPECT_EQ(times.find("train", "gpu 1")->samples, 2u);
}

TEST(ToolTimes, TheVarianceIsThatOfTheTimes) {
  ToolTimes times;
  for (const double ms : {1000.0, 2000.0, 3000.0}) times.open("train", "cpu")->learn(ms);
  const ToolTime* time = times.find("train", "cpu");
  EXPECT_DOUBLE_EQ(time->mean_ms, 2000);
  EXPECT_NEAR(time->variance_ms2, 2.0 / 3 * 1e6, 1);
  EXPECT_EQ(time->variance_samples, 3u);
}

TEST(ToolTimes, ALaterVarianceCountsAnew) {
  ToolTimes times;
  times.restore("train", "cpu", {1000, 8, 1000});  // of a broker that kept none
  for (int i = 0; i < 40; ++i) times.open("train", "cpu")->learn(i % 2 == 0 ? 900 : 1100);
  EXPECT_EQ(times.find("train", "cpu")->variance_samples, 40u);
  EXPECT_NEAR(times.find("train", "cpu")->variance_ms2, 1e4, 2e3);
}

TEST(ToolTimes, SizesAreLearnedWithTheTimes) {
  ToolTimes times;
  times.open("train", "cpu")->learn(1000);
  times.open("train", "cpu")->learn_size(500);
  times.open("train", "cpu")->learn(1000);
  times.open("train", "cpu")->learn_size(700);
  EXPECT_DOUBLE_EQ(times.find("train", "cpu")->mean_bytes, 600);
  EXPECT_EQ(times.find("train", "cpu")->bytes_samples, 2u);
  ASSERT_NE(times.find("train"), nullptr);
  EXPECT_EQ(times.find("train")->size(), 1u);
  EXPECT_EQ(times.find("other"), nullptr);
}

TEST(ToolTimes, TimesOfOldSnapshotsExpectTheirMean) {
  ToolTimes times;
  times.restore("train", "", {1500.5, 3, 0});
  EXPECT_EQ(times.expected("train"), 1500ms);
}

TEST(DeviceOf, IsTheModelOfTheGpusForTasksThatUseThem) {
  protocol::Hello offer;
  domain::ResourceRequest needs;
  EXPECT_EQ(device_of(offer, needs), "cpu");
  needs.gpus_milli = 1000;
  EXPECT_EQ(device_of(offer, needs), "gpu");
  offer.gpus.push_back({0, "NVIDIA H100", 0});
  EXPECT_EQ(device_of(offer, needs), "NVIDIA H100");
}

}  // namespace
}  // namespace landseer::broker
