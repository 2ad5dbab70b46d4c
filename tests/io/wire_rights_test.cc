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

}  // namespace
}  // namespace landseer::broker
