/// Leave to read logs and artifacts.
#include <gtest/gtest.h>

#include "broker/core/tickets.h"
#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using namespace std::chrono_literals;
using protocol::OpenStream;
using protocol::StreamOpened;
using testing::BrokerHarness;
using testing::FakeWorker;

const Digest kSecret = sha256("secret");

Grant grant_of(const BrokerHarness& harness, const protocol::StreamSource& source) {
  const auto grant = read_ticket(kSecret, source.ticket, harness.now.instant);
  EXPECT_TRUE(grant);
  return grant.value_or(Grant{});
}

TEST(Tickets, SayWhatTheyAreForUntilTheyExpire) {
  const Grant grant{0x123456789abcdef0, TaskId{7}, 3, Instant{1000}};
  const std::string ticket = make_ticket(kSecret, grant);
  EXPECT_EQ(read_ticket(kSecret, ticket, Instant{1000}), grant);
  EXPECT_FALSE(read_ticket(kSecret, ticket, Instant{1001}));
  EXPECT_FALSE(read_ticket(sha256("another"), ticket, Instant{0}));
}

TEST(Tickets, TellTheirBearerNothing) {
  const Digest artifact = sha256("somebody's");
  const std::string ticket = make_ticket(kSecret, {1, TaskId{7}, 3, Instant{1000}, artifact});
  EXPECT_EQ(ticket.find(std::string("\0\0\0\0\0\0\0\7", 8)), std::string::npos);
  EXPECT_EQ(ticket.find(bytes_of(artifact)), std::string::npos);
  // Of two that differ in one bit, nothing is alike: the mask is not used twice.
  const std::string other = make_ticket(kSecret, {1, TaskId{6}, 3, Instant{1000}, artifact});
  std::size_t alike = 0;
  for (std::size_t i = 0; i < ticket.size(); ++i) alike += ticket[i] == other[i] ? 1U : 0U;
  EXPECT_LT(alike, 8u);
}

TEST(Tickets, OneThatWasChangedAnywhereIsWorthNothing) {
  const std::string ticket = make_ticket(kSecret, {1, TaskId{7}, 3, Instant{1000}});
  for (std::size_t i = 0; i < ticket.size(); ++i) {
    std::string changed = ticket;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(read_ticket(kSecret, changed, Instant{0})) << i;
    EXPECT_FALSE(read_ticket(kSecret, ticket.substr(0, i), Instant{0})) << i;
  }
  EXPECT_FALSE(read_ticket(kSecret, ticket + "x", Instant{0}));
}

TEST(Streams, ALogIsReadAtTheWorkerOfItsAttempt) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a b"));
  EXPECT_EQ(harness.ask_in_vain(OpenStream{TaskId{2}, 0, false}).code, ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(OpenStream{TaskId{1}, 2, false}).code, ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(OpenStream{TaskId{9}, 0, false}).code, ErrorCode::kNotFound);
  EXPECT_TRUE(worker.attends.empty());
  auto opened = harness.ask_for<StreamOpened>(OpenStream{TaskId{1}, 0, false});
  EXPECT_EQ(opened.attempt, 1u);
  EXPECT_FALSE(opened.finished);
  EXPECT_EQ(opened.bulk_address, "tcp://bulk");
  ASSERT_EQ(opened.sources.size(), 1u);
  EXPECT_EQ(opened.sources[0].worker, "w");
  const Grant grant = grant_of(harness, opened.sources[0]);
  EXPECT_EQ(grant, (Grant{worker.session, TaskId{1}, 1, harness.now.instant + kTicketLife}));
  ASSERT_EQ(worker.attends.size(), 1u);
  EXPECT_EQ(worker.attends[0].session, worker.session);
  EXPECT_EQ(worker.attends[0].key, attach_key(kSecret, worker.session));
  harness.finish(worker);
  opened = harness.ask_for<StreamOpened>(OpenStream{TaskId{1}, 1, false});
  EXPECT_TRUE(opened.finished);
}

TEST(Streams, ALogIsFoundAfterItsWorkerWasRenamed) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  harness.finish(worker);
  protocol::Hello hello = harness.offer;
  hello.name = "other name";
  hello.uid = "uid-w";
  hello.instance = 2;
  hello.cpus_milli = 1000;
  harness.say(worker, hello);
  const auto opened = harness.ask_for<StreamOpened>(OpenStream{TaskId{1}, 0, false});
  ASSERT_EQ(opened.sources.size(), 1u);
  EXPECT_EQ(opened.sources[0].worker, "other name");
  EXPECT_EQ(grant_of(harness, opened.sources[0]).session, worker.session);
}

TEST(Streams, ALogOnAWorkerThatLeftCannotBeRead) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  harness.finish(worker);
  harness.say(worker, protocol::Goodbye{worker.session});
  EXPECT_EQ(harness.ask_in_vain(OpenStream{TaskId{1}, 0, false}).code, ErrorCode::kUnavailable);
}

TEST(Streams, AnArtifactIsReadAtAnyHolder) {
  BrokerHarness harness;
  FakeWorker& one = harness.worker("one");
  harness.submit(BrokerHarness::chains("a"));
  EXPECT_EQ(harness.ask_in_vain(OpenStream{TaskId{1}, 0, true}).code, ErrorCode::kConflict);
  harness.finish(one, protocol::Outcome::kSucceeded, "artifact");
  FakeWorker& two = harness.worker("two");
  harness.say(two, protocol::Holding{two.session, {sha256("artifact")}});
  auto opened = harness.ask_for<StreamOpened>(OpenStream{TaskId{1}, 0, true});
  EXPECT_EQ(opened.artifact, sha256("artifact"));
  ASSERT_EQ(opened.sources.size(), 2u);
  for (const auto& source : opened.sources) {
    const Grant grant = grant_of(harness, source);
    EXPECT_EQ(grant.task, TaskId{});  // blobs, no log
    EXPECT_EQ(grant.session, source.worker == "one" ? one.session : two.session);
  }
  EXPECT_EQ(one.attends.size(), 1u);
  EXPECT_EQ(two.attends.size(), 1u);
  harness.say(one, protocol::Goodbye{one.session});
  opened = harness.ask_for<StreamOpened>(OpenStream{TaskId{1}, 0, true});
  ASSERT_EQ(opened.sources.size(), 1u);
  EXPECT_EQ(opened.sources[0].worker, "two");
  harness.say(two, protocol::Goodbye{two.session});
  EXPECT_EQ(harness.ask_in_vain(OpenStream{TaskId{1}, 0, true}).code, ErrorCode::kUnavailable);
}

TEST(Streams, ATaskWithoutFilesHasNothingToFetch) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  harness.finish(worker);
  EXPECT_EQ(harness.ask_in_vain(OpenStream{TaskId{1}, 0, true}).code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace landseer::broker
