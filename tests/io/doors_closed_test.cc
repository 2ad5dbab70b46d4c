/// Connections that the real broker ends: of keys that were taken back, and too many of one key.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/io/broker_process.h"
#include "tests/io/hostile_bytes.h"
#include "tests/io/wire_peer.h"

namespace landseer {
namespace {

using keys::Role;
using test::code_of;
using test::Peer;
using test::wait_until;

protocol::Hello hello_of(const std::string& name) {
  protocol::Hello hello;
  hello.uid = hello.name = name;
  hello.instance = 1;
  hello.cpus_milli = 1000;
  hello.memory_bytes = 1 << 30;
  hello.runtimes = {"process"};
  hello.data_address = "tcp://127.0.0.1:1";
  hello.number = 1;
  return hello;
}

std::string encoded(const protocol::FromWorker& message) { return protocol::encode(message); }

/// Those with keys that are good stay.
TEST(DoorsClosed, AKeyThatIsTakenBackHasNoConnectionLeft) {
  test::BrokerProcess broker;
  const auto good = broker.add("good", Role::kSubmitter);
  const auto bad = broker.add("bad", Role::kSubmitter);
  const auto bad_worker = broker.add("bad-worker", Role::kWorker);
  const auto silent_worker = broker.add("silent-worker", Role::kWorker);
  broker.start();
  Peer stays(broker.addresses[1], good);
  stays.ask(protocol::ClientHello{});
  // Others are open for a moment now and then.
  std::size_t files = broker.open_files();
  for (int i = 0; i < 20; ++i) {
    net::poll({}, std::chrono::milliseconds(5));
    files = std::min(files, broker.open_files());
  }
  Peer client(broker.addresses[1], bad);
  client.ask(protocol::ClientHello{});
  Peer bulk(broker.addresses[2], bad);
  const protocol::BulkRequest request(protocol::GetBlob{sha256("script"), 0, 10});
  ASSERT_TRUE(bulk.send(protocol::encode(request, 1)));
  bulk.receive();
  Peer worker(broker.addresses[0], bad_worker);
  ASSERT_TRUE(worker.send(encoded(hello_of("bad-worker"))));
  worker.receive();
  Peer silent(broker.addresses[0], silent_worker);  // never says anything
  ASSERT_TRUE(wait_until([&] { return broker.open_files() >= files + 4; }));
  for (const char* name : {"bad", "bad-worker", "silent-worker"}) broker.revoke(name);
  const auto said = protocol::decode_to_worker(worker.receive());
  ASSERT_TRUE(said && std::holds_alternative<protocol::Refused>(said->message));
  EXPECT_EQ(std::get<protocol::Refused>(said->message).code, ErrorCode::kNotAllowed);
  // Each connects again, for nobody ends a connection of his own accord here, and is turned away.
  for (Peer* const peer : {&client, &bulk, &worker, &silent}) {
    EXPECT_TRUE(wait_until([&] {
      static_cast<void>(peer->watch.take());
      return peer->watch.refusal() == net::Refusal::kKey;
    }));
  }
  EXPECT_EQ(code_of(stays.ask(protocol::ListPipelines{})), ErrorCode::kInternal);
  EXPECT_FALSE(stays.watch.take()) << "its connection was not touched";
}

TEST(DoorsClosed, AKeyHasSoManyConnectionsAndNoMore) {
  test::BrokerProcess broker;
  broker.options = {"--connections-per-key", "3"};
  const auto one = broker.add("one", Role::kSubmitter);
  const auto other = broker.add("other", Role::kSubmitter);
  const auto worker = broker.add("worker", Role::kWorker);
  broker.start();
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 3; ++i) {
    peers.push_back(std::make_unique<Peer>(broker.addresses[1], one));
    EXPECT_EQ(code_of(peers.back()->ask(protocol::ClientHello{})), ErrorCode::kInternal) << i;
  }
  {
    Peer fourth(broker.addresses[1], one);
    const auto answer = fourth.ask(protocol::ClientHello{});
    ASSERT_EQ(code_of(answer), ErrorCode::kLimit);
    const auto& why = std::get<protocol::ErrorReply>(answer);
    EXPECT_EQ(why.message, "the key 'one' has 3 connections, which is what one key may have");
    EXPECT_NE(why.hint.find("--connections-per-key"), std::string::npos);
  }
  EXPECT_EQ(code_of(Peer(broker.addresses[1], other).ask(protocol::ClientHello{})),
            ErrorCode::kInternal)
      << "the limit is each key's own";
  peers.pop_back();
  EXPECT_TRUE(wait_until([&] {
    return code_of(Peer(broker.addresses[1], one).ask(protocol::ClientHello{})) ==
           ErrorCode::kInternal;
  })) << "there is room for another one";

  std::vector<std::unique_ptr<Peer>> workers;
  for (int i = 0; i < 4; ++i) {
    workers.push_back(std::make_unique<Peer>(broker.addresses[0], worker));
    ASSERT_TRUE(workers.back()->send(encoded(hello_of("w" + std::to_string(i)))));
    const auto said = protocol::decode_to_worker(workers.back()->receive());
    ASSERT_TRUE(said);
    EXPECT_EQ(std::holds_alternative<protocol::Refused>(said->message), i == 3) << i;
  }
}

/// Strangers take all the files that the broker may have; who belongs there gets in all the same.
TEST(DoorsClosed, StrangersWhoSayNothingMakeRoom) {
  test::BrokerProcess broker;
  broker.files_max = 200;
  const auto key = broker.add("me", Role::kSubmitter);
  broker.start();
  std::vector<UniqueFd> strangers;
  for (int i = 0; i < 600; ++i) {
    strangers.push_back(test::connect_raw(broker.addresses[static_cast<std::size_t>(i) % 3]));
  }
  const Instant began = net::now().instant;
  EXPECT_TRUE(wait_until([&] {  // a client asks again when it is told that the broker is busy
    return code_of(Peer(broker.addresses[1], key).ask(protocol::ClientHello{})) ==
           ErrorCode::kInternal;
  }));
  const double taken = std::chrono::duration<double>(net::now().instant - began).count();
  RecordProperty("seconds", std::to_string(taken));
  EXPECT_LT(taken, 20) << "as a rule 3";
  EXPECT_TRUE(broker.running());
}

}  // namespace
}  // namespace landseer
