/// Every role and every message, over the wire, with real keys against the real broker: the cells
/// are generated from the list of messages, what is expected from broker/core/rights.h.
#include <gtest/gtest.h>

#include "broker/core/rights.h"
#include "tests/io/broker_process.h"
#include "tests/io/wire_peer.h"

namespace landseer::broker {
namespace {

using keys::Role;
using test::Peer;

template <class Variant, std::size_t... kIndex>
std::vector<Variant> one_of_each(std::index_sequence<kIndex...>) {
  return {Variant(std::in_place_index<kIndex>)...};
}
template <class Variant>
std::vector<Variant> one_of_each() {
  return one_of_each<Variant>(std::make_index_sequence<std::variant_size_v<Variant>>());
}

class WireRightsTest : public ::testing::Test {
 protected:
  WireRightsTest() {
    for (const Role role : keys::kRoles) {
      key[role] = broker.add(std::string(to_string(role)), role);
    }
    broker.start();
  }
  test::BrokerProcess broker;
  std::map<Role, net::ClientKeys> key;
};

TEST_F(WireRightsTest, EveryRoleAndEveryMessageOfClients) {
  std::size_t cells = 0;
  for (const Role role : keys::kRoles) {
    Peer peer(broker.addresses[1], key[role]);
    std::uint64_t number = 0;
    for (const auto& message : one_of_each<protocol::FromClient>()) {
      const std::string frame = protocol::encode(message, ++number);
      const Rights& rights = rights_of(message);
      const std::string cell = std::string(to_string(role)) + " " + std::string(rights.verb);
      ++cells;
      if (role == Role::kWorker) {
        EXPECT_FALSE(peer.send(frame)) << cell;
        continue;
      }
      ASSERT_TRUE(peer.send(frame)) << cell;
      const auto reply = protocol::decode_to_client(peer.receive());
      ASSERT_TRUE(reply) << cell;
      EXPECT_EQ(reply->number, number) << cell;
      const auto* error = std::get_if<protocol::ErrorReply>(&reply->message);
      const bool refused = error != nullptr && error->code == ErrorCode::kNotAllowed;
      EXPECT_EQ(refused, rights.of(role) == Reach::kNone) << cell;
    }
  }
  EXPECT_EQ(cells, 4 * std::variant_size_v<protocol::FromClient>);
}

TEST_F(WireRightsTest, OnlyWorkersSpeakAtTheWorkersPort) {
  for (const Role role : keys::kRoles) {
    Peer peer(broker.addresses[0], key[role]);
    for (const auto& message : one_of_each<protocol::FromWorker>()) {
      EXPECT_EQ(peer.send(protocol::encode(message)), role == Role::kWorker) << to_string(role);
    }
    if (role == Role::kWorker) {
      EXPECT_FALSE(peer.receive().empty());
    }
  }
}

/// Without a ticket a worker may read model scripts, and nobody else anything.
TEST_F(WireRightsTest, TheBulkPortLooksAtRolesAndTickets) {
  for (const Role role : keys::kRoles) {
    Peer peer(broker.addresses[2], key[role]);
    const protocol::BulkRequest request(protocol::GetBlob{sha256("script"), 0, 10});
    ASSERT_TRUE(peer.send(protocol::encode(request, 1)));
    const auto reply = protocol::decode_bulk_reply(peer.receive());
    ASSERT_TRUE(reply);
    const auto* error = std::get_if<protocol::StreamError>(&reply->message);
    EXPECT_EQ(error != nullptr && error->code == ErrorCode::kNotAllowed, role != Role::kWorker)
        << to_string(role);
  }
}

/// Each request at the bulk port, without a ticket, by each role: who may not is told so, and a
/// worker's word that it is there, with a wrong key, is not answered at all.
TEST_F(WireRightsTest, EveryRequestAtTheBulkPortHasItsRoles) {
  const auto all = one_of_each<protocol::BulkRequest>();
  ASSERT_EQ(all.size(), 3u);
  for (const Role role : keys::kRoles) {
    Peer peer(broker.addresses[2], key[role]);
    const bool is_worker = role == Role::kWorker;
    for (const auto& request : all) {
      const bool is_attach = std::holds_alternative<protocol::Attach>(request);
      ASSERT_TRUE(peer.send(protocol::encode(request, 1)));
      if (is_attach && is_worker) continue;
      const auto reply = protocol::decode_bulk_reply(peer.receive());
      ASSERT_TRUE(reply);
      const auto* error = std::get_if<protocol::StreamError>(&reply->message);
      const bool is_blob = std::holds_alternative<protocol::GetBlob>(request);
      const bool by_role =
          error != nullptr && error->message.find("to your key") != std::string::npos;
      EXPECT_EQ(error != nullptr, !(is_blob && is_worker)) << to_string(role) << request.index();
      EXPECT_EQ(by_role, is_worker ? !is_blob : is_blob || is_attach)
          << to_string(role) << ' ' << request.index();
    }
  }
}

}  // namespace
}  // namespace landseer::broker
