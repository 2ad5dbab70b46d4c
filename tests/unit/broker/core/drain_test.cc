#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using protocol::Outcome;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

protocol::Drained drain(BrokerHarness& harness, const std::string& worker, bool now = false) {
  return harness.ask_for<protocol::Drained>(protocol::Drain{worker, "", "", true, now});
}

protocol::Drained undrain(BrokerHarness& harness, const std::string& worker) {
  return harness.ask_for<protocol::Drained>(protocol::Drain{worker, "", "", false, false});
}

TEST(Drain, FinishesWhatItHasAndGetsNothingNew) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a\nb"));
  const auto drained = drain(harness, "w");
  ASSERT_EQ(drained.workers.size(), 1u);
  EXPECT_TRUE(drained.workers[0].changed);
  EXPECT_EQ(drained.workers[0].running, 1u);
  EXPECT_TRUE(worker.recalled.empty());
  harness.finish(worker);
  EXPECT_TRUE(worker.assigned.empty());
  const auto list = harness.ask_for<protocol::WorkerList>(protocol::ListWorkers{});
  EXPECT_EQ(list.rows[0].state, "drained");
  EXPECT_TRUE(list.rows[0].drained);
  EXPECT_FALSE(drain(harness, "worker_1").workers[0].changed) << "it was so already";
  EXPECT_TRUE(undrain(harness, "w").workers[0].changed);
  EXPECT_EQ(worker.assigned.size(), 1u);
}

TEST(Drain, NowWantsEverythingBackAndTheCheckpointMoves) {
  BrokerHarness harness;
  FakeWorker& old = harness.worker("old");
  harness.submit(BrokerHarness::chains("a"));
  FakeWorker& fresh = harness.worker("fresh");
  drain(harness, "old", true);
  ASSERT_EQ(old.recalled.size(), 1u);
  EXPECT_EQ(old.recalled[0], (protocol::AttemptRef{5, TaskId{1}, 1}));
  EXPECT_TRUE(fresh.assigned.empty()) << "it may still run";
  protocol::AttemptResult result;
  result.task = TaskId{1};
  result.attempt = 1;
  result.outcome = Outcome::kReturned;
  result.started_at = harness.now.wall.unix_ms;
  result.checkpoint = sha256("half of it");
  harness.send_result(old, result);
  ASSERT_EQ(fresh.assigned.size(), 1u);
  EXPECT_EQ(fresh.assigned[0].checkpoint.artifact, sha256("half of it"));
  EXPECT_EQ(fresh.assigned[0].checkpoint.sources, std::vector<std::string>{"tcp://old"});
}

TEST(Drain, AWorkerThatWasAwayIsToldWhenItIsBack) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  harness.broker.check_invariants();
  harness.advance(20s);  // silent by now
  drain(harness, "w", true);
  worker.recalled.clear();
  harness.worker("w", 1, {{5, TaskId{1}, 1}});
  EXPECT_EQ(worker.recalled.size(), 1u);
}

TEST(Drain, AGroupIsNamedByALabel) {
  BrokerHarness harness;
  harness.offer.labels = {{"rack", "3"}};
  harness.worker("a");
  harness.worker("b");
  harness.offer.labels = {{"rack", "4"}};
  FakeWorker& other = harness.worker("c");
  const auto drained =
      harness.ask_for<protocol::Drained>(protocol::Drain{"", "rack", "3", true, false});
  EXPECT_EQ(drained.workers.size(), 2u);
  harness.submit(BrokerHarness::chains("x\ny"));
  EXPECT_EQ(other.assigned.size(), 1u);
}

TEST(Drain, WhatCannotBeFoundIsAnError) {
  BrokerHarness harness;
  harness.worker("a");
  EXPECT_EQ(harness.ask_in_vain(protocol::Drain{"b", "", "", true, false}).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::Drain{"", "rack", "3", true, false}).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::Drain{"", "", "", true, false}).code,
            ErrorCode::kInvalid);
  EXPECT_EQ(harness.ask_in_vain(protocol::Drain{"a", "rack", "3", true, false}).code,
            ErrorCode::kInvalid);
}

TEST(Drain, OfTwoThatHadTheNameTheOneThatIsHereIsMeant) {
  BrokerHarness harness;
  harness.worker("w");
  harness.say(harness.workers["w"], protocol::Goodbye{harness.workers["w"].session});
  protocol::Hello hello = harness.offer;
  hello.name = "w";
  hello.uid = "another";
  hello.instance = 9;
  hello.cpus_milli = 1000;
  FakeWorker& again = harness.worker("x");
  harness.say(again, protocol::Goodbye{again.session});
  harness.say(again, hello);
  EXPECT_EQ(drain(harness, "w").workers.at(0).worker, WorkerId{3});
}

}  // namespace
}  // namespace landseer::broker
