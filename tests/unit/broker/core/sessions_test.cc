/// Who may speak: sessions, versions, names, strangers.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

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

TEST(Sessions, AConnectionSpeaksForOneWorker) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("one");
  protocol::Hello second = harness.offer;
  second.uid = "uid-second";
  second.name = "second";
  second.number = 2;
  harness.say(worker, second);
  ASSERT_EQ(worker.refused.size(), 1u);
  EXPECT_EQ(worker.refused[0].code, ErrorCode::kConflict);
  EXPECT_EQ(harness.ask_for<protocol::WorkerList>(protocol::ListWorkers{}).rows.size(), 1u);
}

TEST(Sessions, WhatWorkersOfferIsBoundedForEachAndForAll) {
  Settings settings = BrokerHarness::make_settings(std::chrono::seconds(120));
  settings.offers_bytes_max = 1024 * 1024;
  BrokerHarness harness(settings);
  protocol::DatasetOffer dataset{"digits", "", sha256("d")};
  dataset.names.assign(1000, std::string(200, 'x'));  // some 230 KB
  harness.offer.datasets.assign(6, dataset);
  EXPECT_EQ(harness.worker("large").refused.at(0).code, ErrorCode::kLimit);
  harness.offer.datasets.assign(1, dataset);
  for (int i = 0; i < 4; ++i) EXPECT_NE(harness.worker("w" + std::to_string(i)).session, 0u);
  EXPECT_EQ(harness.worker("w4").refused.at(0).code, ErrorCode::kLimit);
  FakeWorker& first = harness.workers["w0"];
  harness.say(first, protocol::Offer{first.session, {}, {}, {}, ""});
  EXPECT_NE(harness.worker("w4").session, 0u) << "there is room again";
  FakeWorker& fourth = harness.workers["w4"];
  harness.say(fourth, protocol::Offer{fourth.session, {}, {dataset, dataset}, {}, ""});
  const auto rows = harness.ask_for<protocol::WorkerList>(protocol::ListWorkers{}).rows;
  const auto row =
      std::find_if(rows.begin(), rows.end(), [](const auto& r) { return r.name == "w4"; });
  ASSERT_NE(row, rows.end());
  EXPECT_EQ(row->datasets.size(), 1u) << "an offer beyond it changes nothing";
}

TEST(Sessions, WorkersAreListedInPages) {
  BrokerHarness harness;
  harness.offer.datasets = {{"digits", "", sha256("d")}};
  harness.offer.datasets[0].names.assign(1000, std::string(200, 'x'));
  for (int i = 0; i < 12; ++i) harness.worker("w" + std::to_string(i));
  protocol::ListWorkers what;
  std::vector<WorkerId> seen;
  int pages = 0;
  for (bool more = true; more; ++pages) {
    const auto page = harness.ask_for<protocol::WorkerList>(what);
    for (const auto& row : page.rows) seen.push_back(row.worker);
    more = page.more;
    what.after = seen.back();
  }
  EXPECT_GT(pages, 1);
  EXPECT_EQ(seen.size(), 12u);
  EXPECT_EQ(std::set<WorkerId>(seen.begin(), seen.end()).size(), 12u);
}

TEST(Sessions, ANameBelongsToItsKeyUntilTheWorkerIsLost) {
  BrokerHarness harness;
  harness.worker_key = {keys::Role::kWorker, "key-a", std::string(40, 'a'), "key-a"};
  harness.worker("gpu-1");
  harness.advance(std::chrono::seconds(30));  // silent: it may come back, as after a restart
  const auto claim = [&](const std::string& key, const std::string& uid) -> FakeWorker& {
    harness.worker_key = {keys::Role::kWorker, key, std::string(40, 'b'), key};
    FakeWorker& worker = harness.worker(uid);
    return worker;
  };
  harness.offer.number = 1;
  const auto rename = [&](FakeWorker& worker) {
    protocol::Hello hello = harness.offer;
    hello.uid = "uid-" + worker.name;
    hello.name = "gpu-1";
    hello.number = 2;
    harness.say(worker, hello);
  };
  FakeWorker& thief = claim("key-b", "other");
  rename(thief);
  ASSERT_EQ(thief.refused.size(), 1u);
  EXPECT_EQ(thief.refused[0].code, ErrorCode::kNotAllowed);
  FakeWorker& heir = claim("key-a", "new scratch folder");
  rename(heir);
  EXPECT_TRUE(heir.refused.empty()) << "the same key may";
  harness.advance(std::chrono::seconds(1800));  // lost, though many fell silent at once
  rename(claim("key-b", "third"));
  EXPECT_TRUE(harness.workers["third"].refused.empty());
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
