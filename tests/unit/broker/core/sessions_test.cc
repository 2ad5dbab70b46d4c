/// Who may speak: sessions, versions, names, strangers.
#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using testing::BrokerHarness;
using testing::FakeWorker;

TEST(Sessions, AStrangerIsAskedToSayHello) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto session = worker.session;
  harness.say(worker, protocol::Heartbeat{session + 1, 1});
  EXPECT_EQ(worker.rehellos, 1u);
  harness.say(worker, protocol::Results{0, {}});
  EXPECT_EQ(worker.rehellos, 2u);
  harness.beat(worker);
  EXPECT_EQ(worker.beats_answered, 1u) << "the real session is as good as before";
}

TEST(Sessions, AWorkerSpeaksOnlyAboutItsOwnAttempts) {
  BrokerHarness harness;
  FakeWorker& owner = harness.worker("owner");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  FakeWorker& thief = harness.worker("thief");
  protocol::AttemptResult result;
  result.task = owner.assigned.front().task;
  result.attempt = 1;
  result.outcome = protocol::Outcome::kSucceeded;
  harness.send_result(thief, result);
  EXPECT_EQ(harness.status(pipeline).row.completed, 0u);
  EXPECT_EQ(thief.acknowledged.size(), 1u) << "answered, so that it forgets it";
  EXPECT_EQ(harness.broker.state().stale_messages, 1u);
}

TEST(Sessions, ADuplicateResultCountsOnce) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a\nb")).pipeline;
  protocol::AttemptResult result;
  result.task = worker.assigned.front().task;
  result.attempt = 1;
  result.outcome = protocol::Outcome::kSucceeded;
  harness.send_result(worker, result);
  harness.send_result(worker, result);
  EXPECT_EQ(harness.status(pipeline).row.completed, 1u);
}

TEST(Sessions, AResultOfAnotherAttemptOrEpochChangesNothing) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  protocol::AttemptResult result;
  result.task = worker.assigned.front().task;
  result.attempt = 2;
  result.outcome = protocol::Outcome::kSucceeded;
  harness.send_result(worker, result);
  result.attempt = 1;
  result.epoch = 4;
  harness.send_result(worker, result);
  EXPECT_EQ(harness.status(pipeline).row.completed, 0u);
}

TEST(Sessions, AWrongVersionIsRefusedAlone) {
  BrokerHarness harness;
  harness.offer.protocol_min = 7;
  harness.offer.protocol_max = 9;
  FakeWorker& future = harness.worker("future");
  ASSERT_EQ(future.refused.size(), 1u);
  EXPECT_EQ(future.refused[0].code, ErrorCode::kVersion);
  harness.offer.protocol_min = 1;
  EXPECT_NE(harness.worker("present").session, 0u) << "a range that meets ours is fine";
  EXPECT_EQ(harness.ask_in_vain(protocol::ClientHello{7, 9, "x"}).code, ErrorCode::kVersion);
  EXPECT_EQ(harness.ask_for<protocol::ClientWelcome>(protocol::ClientHello{}).epoch, 5u);
}

TEST(Sessions, TwoConnectedWorkersCannotHaveOneName) {
  BrokerHarness harness;
  harness.worker("w");
  protocol::Hello twin = harness.offer;
  twin.name = "w";
  twin.uid = "another machine";
  FakeWorker& other = harness.worker("other");
  harness.say(other, twin);
  ASSERT_EQ(other.refused.size(), 1u);
  EXPECT_EQ(other.refused[0].code, ErrorCode::kConflict);
}

TEST(Sessions, AWorkerThatIsGoneMakesRoomForANewOne) {
  Settings settings = BrokerHarness::make_settings(std::chrono::seconds(120));
  settings.workers_max = 2;
  BrokerHarness harness(settings);
  harness.worker("one");
  FakeWorker& two = harness.worker("two");
  EXPECT_EQ(harness.worker("three").refused.size(), 1u) << "both may come back";
  harness.say(two, protocol::Goodbye{two.session});
  EXPECT_NE(harness.worker("four").session, 0u);
  const auto workers = harness.ask_for<protocol::WorkerList>(protocol::ListWorkers{});
  ASSERT_EQ(workers.rows.size(), 2u);
  EXPECT_EQ(workers.rows[1].name, "four");
}

TEST(Sessions, NamesThatCannotBeShownAreRefused) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  for (const std::string& name : {std::string(), std::string("\x1b[2J"), std::string(200, 'x')}) {
    protocol::Hello hello = harness.offer;
    hello.uid = "u";
    hello.name = name;
    harness.say(worker, hello);
    EXPECT_EQ(worker.refused.back().code, ErrorCode::kInvalid);
  }
}

TEST(Sessions, AHelloThatWasOvertakenTakesNothingBack) {
  BrokerHarness harness;
  harness.offer.number = 2;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  ASSERT_EQ(harness.status(pipeline).row.running, 1u);
  const auto session = worker.session;
  for (const std::uint64_t number : {1u, 2u}) {
    protocol::Hello old = harness.broker.state().workers.all().begin()->second.offer;
    old.number = number;
    harness.say(worker, old);
  }
  EXPECT_EQ(harness.status(pipeline).row.running, 1u) << "it was said before the assignment";
  EXPECT_EQ(worker.session, session);
  harness.beat(worker);
  EXPECT_EQ(worker.beats_answered, 1u);
}

TEST(Sessions, AFullConnectionStartsTheConversationOver) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  Outbox out;
  harness.broker.handle(WorkerUnreachable{worker.peer}, harness.now, out);
  harness.beat(worker);
  EXPECT_EQ(worker.rehellos, 1u);
  worker.assigned.clear();  // the assignment never arrived
  harness.worker("w");
  EXPECT_EQ(worker.assigned.size(), 1u) << "it is given again";
}

}  // namespace
}  // namespace landseer::broker
