/// When silence says something about a worker, and when about the network or the broker itself.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using testing::BrokerHarness;
using namespace std::chrono_literals;

/// A worker for each name, and a task for each worker.
void occupy(BrokerHarness& harness, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += "tool-" + name + "\n";
  harness.submit(BrokerHarness::chains(text));
  for (const std::string& name : names) {
    ASSERT_EQ(harness.worker(name).assigned.size(), 1u) << name;
  }
}

/// Time in which only these workers are heard.
void live(BrokerHarness& harness, Duration time, const std::vector<std::string>& alive) {
  for (Duration passed{}; passed < time; passed += 2s) {
    harness.advance(2s);
    for (const std::string& name : alive) harness.beat(harness.workers.at(name));
  }
}

std::uint64_t running(BrokerHarness& harness) { return harness.status(PipelineId{1}).row.running; }

std::uint64_t losses(const BrokerHarness& harness) {
  return static_cast<std::uint64_t>(
      std::count_if(harness.records.begin(), harness.records.end(), [](const Record& record) {
        const auto* ended = std::get_if<AttemptEnded>(&record);
        return ended != nullptr && ended->result.outcome == protocol::Outcome::kWorkerLost;
      }));
}

TEST(MassSilence, OfHalfTheWorkersPutsTheirLossOff) {
  BrokerHarness harness;
  occupy(harness, {"a", "b", "c", "d", "e", "f"});
  live(harness, 10s, {"a", "b", "c"});
  ASSERT_EQ(harness.notices.size(), 1u);
  EXPECT_NE(harness.notices[0].find("3 of 6 workers fell silent at once"), std::string::npos);
  EXPECT_EQ(harness.status(PipelineId{1}).notices.front(), harness.notices[0]);
  live(harness, 300s, {"a", "b", "c"});
  EXPECT_EQ(losses(harness), 0u);
  EXPECT_EQ(running(harness), 6u);
  live(harness, 310s, {"a", "b", "c"});
  EXPECT_EQ(losses(harness), 3u) << "ten minutes are over";
  EXPECT_EQ(harness.notices.size(), 2u);
  EXPECT_TRUE(harness.status(PipelineId{1}).notices.empty());
}

TEST(MassSilence, WorkersThatComeBackKeepTheirWorkAndEndIt) {
  BrokerHarness harness;
  occupy(harness, {"a", "b", "c"});
  harness.advance(300s);
  ASSERT_EQ(harness.notices.size(), 1u);
  for (auto& [name, worker] : harness.workers) harness.beat(worker);
  EXPECT_EQ(running(harness), 3u);
  EXPECT_EQ(harness.notices.size(), 2u);
  EXPECT_NE(harness.notices[1].find("are back"), std::string::npos);
  live(harness, 200s, {"a", "b"});
  EXPECT_EQ(losses(harness), 1u) << "one that falls silent alone is lost as usual";
  harness.finish(harness.workers.at("a"));
  EXPECT_EQ(harness.status(PipelineId{1}).row.completed, 1u);
}

TEST(MassSilence, OfFewerThanThreeOrFewerThanHalfIsOrdinary) {
  {
    BrokerHarness harness;
    occupy(harness, {"a", "b"});
    harness.advance(200s);
    EXPECT_EQ(losses(harness), 2u);
  }
  BrokerHarness harness;
  occupy(harness, {"a", "b", "c", "d", "e", "f", "g"});
  live(harness, 200s, {"a", "b", "c", "d"});
  EXPECT_EQ(losses(harness), 3u);
  EXPECT_TRUE(harness.notices.empty());
}

TEST(MassSilence, OneAfterTheOtherIsOrdinary) {
  BrokerHarness harness;
  occupy(harness, {"a", "b", "c", "d"});
  live(harness, 40s, {"a", "b", "c"});
  live(harness, 40s, {"a", "b"});
  live(harness, 200s, {"a"});
  EXPECT_EQ(losses(harness), 3u);
  EXPECT_TRUE(harness.notices.empty());
}

TEST(MassSilence, AWorkerThatComesAndGoesIsCountedOnce) {
  BrokerHarness harness;
  occupy(harness, {"a", "b"});
  for (int i = 0; i < 4; ++i) {
    live(harness, 8s, {"b"});
    harness.beat(harness.workers.at("a"));
  }
  EXPECT_TRUE(harness.notices.empty());
}

TEST(MassSilence, AfterARestartSilenceIsOrdinary) {
  BrokerHarness before;
  occupy(before, {"a", "b", "c"});
  BrokerHarness after;
  for (const Record& record : before.records) ASSERT_TRUE(after.broker.replay(record, after.now));
  after.records = before.records;
  after.take_snapshots = false;
  after.broker.end_replay(after.now);
  after.advance(200s);
  EXPECT_EQ(losses(after), 3u);
  EXPECT_TRUE(after.notices.empty());
}

TEST(Stall, NobodyIsLostBeforeWhatTheySaidIsRead) {
  BrokerHarness harness(20s);
  occupy(harness, {"a", "b", "c"});
  harness.stall(300s);
  harness.beat(harness.workers.at("a"));
  EXPECT_EQ(harness.notices.size(), 1u);
  harness.beat(harness.workers.at("b"));
  EXPECT_EQ(running(harness), 3u);
  for (auto& [name, worker] : harness.workers) EXPECT_EQ(worker.rehellos, 0u) << name;
  live(harness, 4s, {"a", "b"});
  EXPECT_EQ(losses(harness), 0u) << "c may still be in the sockets";
  live(harness, 30s, {"a", "b"});
  EXPECT_EQ(losses(harness), 1u);
  EXPECT_EQ(harness.notices.size(), 1u) << "and the silence of all during the stall was none";
}

TEST(Stall, AnIdleBrokerThatWakesInTimeIsNotStalled) {
  BrokerHarness harness(20s);
  occupy(harness, {"a"});
  harness.advance(30s);
  EXPECT_EQ(losses(harness), 1u);
  EXPECT_TRUE(harness.notices.empty());
}

}  // namespace
}  // namespace landseer::broker
