/// Sockets with keys: who gets in, who is said to be there, and what the check at the start
/// notices.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>

#include "broker/io/key_ring.h"
#include "common/config/key_folder.h"
#include "common/net/clock.h"
#include "common/net/door_check.h"
#include "common/net/doorkeeper.h"
#include "common/net/key_pair.h"
#include "tests/support/temp_folder.h"

namespace landseer::net {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 30s;

/// Until `condition`, or for so long.
template <class Condition>
bool wait_for(Condition&& condition, Duration limit = kPatience) {
  const Instant deadline = now().instant + limit;
  while (!condition()) {
    if (now().instant > deadline) return false;
    poll({}, 2ms);
  }
  return true;
}

struct Client {
  Client(const Context& context, const std::string& address, std::optional<ClientKeys> keys)
      : dealer(context), watch(context, dealer) {
    if (keys) {
      EXPECT_TRUE(dealer.secure(*keys));
    }
    EXPECT_TRUE(dealer.connect(address));
  }
  /// How the knocking ended: kNone means that a message could be sent.
  Refusal knock() {
    EXPECT_TRUE(wait_for([&] {
      static_cast<void>(watch.take());
      return watch.refusal() != Refusal::kNone || dealer.send("hello");
    }));
    return watch.refusal();
  }
  /// For those that are hung up on without a word.
  bool gets_in() {
    return wait_for([&] { return dealer.send("hello"); }, 1s);
  }
  Dealer dealer;
  LossWatch watch;
};

class DoorsTest : public ::testing::Test {
 protected:
  ClientKeys keys_of(const KeyPair& own) const {
    return {server.public_key, own.public_key, own.secret_key};
  }
  void open(Doorkeeper::Judge judge) {
    keeper = *Doorkeeper::start(context, std::move(judge));
    ASSERT_TRUE(router.secure({"clients", server.secret_key}));
    address = *router.bind("tcp://127.0.0.1:0");
  }
  void open_for(const std::string& key) {
    open([key](const std::string& door, const std::string& shown) -> std::optional<std::string> {
      if (door != "clients" || shown != key) return std::nullopt;
      return shown;
    });
  }

  KeyPair server = *make_key_pair();
  KeyPair known = *make_key_pair();
  KeyPair stranger = *make_key_pair();
  Context context;
  Context outside;
  std::unique_ptr<Doorkeeper> keeper;
  Router router{context};
  std::string address;
};

TEST_F(DoorsTest, WhoIsKnownGetsInAndIsNamedWithEveryMessage) {
  open_for(known.public_key);
  Client client(outside, address, keys_of(known));
  EXPECT_EQ(client.knock(), Refusal::kNone);
  constexpr int kMessages = 100'000;
  const Instant deadline = now().instant + kPatience;
  int sent = 1;
  for (int got = 0; got < kMessages;) {
    while (sent < kMessages && client.dealer.send("more")) ++sent;
    std::array<PollItem, 1> items{{{&router}}};
    poll(items, 2ms);  // libzmq has looked at the first frame by now
    ASSERT_LT(now().instant, deadline) << got;
    while (const auto message = router.receive()) {
      ASSERT_EQ(message->user, known.public_key) << got;
      ++got;
    }
  }
}

TEST_F(DoorsTest, StrangersAreKeptOut) {
  open_for(known.public_key);
  EXPECT_EQ(Client(outside, address, keys_of(stranger)).knock(), Refusal::kKey);
  EXPECT_FALSE(Client(outside, address, std::nullopt).gets_in());
  const KeyPair& wrong_server = stranger;
  Client mistaken(outside, address,
                  ClientKeys{wrong_server.public_key, known.public_key, known.secret_key});
  EXPECT_FALSE(mistaken.gets_in()) << "not even with the right key";
  EXPECT_FALSE(router.receive());
}

TEST_F(DoorsTest, TheSecretKeyIsWhatCounts) {
  open_for(known.public_key);
  Client thief(outside, address,
               ClientKeys{server.public_key, known.public_key, stranger.secret_key});
  EXPECT_FALSE(thief.gets_in());
  EXPECT_FALSE(router.receive());
}

TEST_F(DoorsTest, WithoutADoorkeeperNobodyNewGetsIn) {
  open_for(known.public_key);
  Client early(outside, address, keys_of(known));
  EXPECT_EQ(early.knock(), Refusal::kNone);
  keeper.reset();
  Client late(outside, address, keys_of(known));
  EXPECT_FALSE(late.gets_in());
  EXPECT_TRUE(early.dealer.send("still here"));
}

TEST_F(DoorsTest, AProgramNoticesThatItsDoorIsOpen) {
  keeper = *Doorkeeper::start(
      context, [](const std::string&, const std::string& key) { return std::optional(key); });
  const auto checked = check_door(context, {"clients", server.secret_key}, server.public_key);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kNotAllowed) << checked.error().to_string();
}

TEST_F(DoorsTest, AProgramNoticesThatItsDoorIsClosed) {
  open_for(known.public_key);
  const auto checked = check_door(context, {"clients", server.secret_key}, server.public_key);
  EXPECT_TRUE(checked) << checked.error().to_string();
}

TEST_F(DoorsTest, AContextHasOneDoorkeeper) {
  open_for(known.public_key);
  EXPECT_FALSE(Doorkeeper::start(context, [](const auto&, const auto& key) { return key; }));
}

// --- The broker's list ---

class KeyRingTest : public ::testing::Test {
 protected:
  KeyRingTest() {
    broker.name = "broker";
    broker.public_key = pair.public_key;
    broker.secret_key = pair.secret_key;
    EXPECT_TRUE(config::write_key(path, config::kBrokerKeyFile, broker));
    write({{keys::Role::kWorker, "gpu7", worker, "gpu7"}, {keys::Role::kAdmin, "me", me, "me"}});
  }
  void write(const std::vector<keys::Authorized>& list) {
    EXPECT_TRUE(config::write_authorized(path, list));
  }

  test::TempFolder folder;
  std::string path = (folder / "keys").string();
  KeyPair pair = *make_key_pair();
  keys::KeyFile broker;
  std::string worker = std::string(40, 'w');
  std::string me = std::string(40, 'm');
};

TEST_F(KeyRingTest, KeysOpenTheDoorsOfTheirRole) {
  const auto ring = *broker::KeyRing::open(path);
  EXPECT_EQ(ring->find(worker, keys::Door::kWorkers)->name, "gpu7");
  EXPECT_FALSE(ring->find(worker, keys::Door::kClients));
  EXPECT_FALSE(ring->find(me, keys::Door::kWorkers));
  EXPECT_TRUE(ring->find(me, keys::Door::kBulk));
  EXPECT_FALSE(ring->find("", keys::Door::kBulk));
  EXPECT_FALSE(ring->judge()("elsewhere", me));
}

TEST_F(KeyRingTest, AKeyThatIsTakenBackIsForgottenWithinFiveSeconds) {
  const auto ring = *broker::KeyRing::open(path);
  write({{keys::Role::kAdmin, "me", me, "me"}});
  const Instant began = now().instant;
  EXPECT_TRUE(wait_for([&] { return !ring->find(worker, keys::Door::kWorkers); }));
  EXPECT_LT(now().instant - began, 5s);
  EXPECT_TRUE(ring->find(me, keys::Door::kClients));
  std::array<PollItem, 1> items{{{nullptr, ring->fd()}}};
  poll(items, kPatience);
  EXPECT_TRUE(items[0].readable);
}

TEST_F(KeyRingTest, ADamagedListChangesNothing) {
  const auto ring = *broker::KeyRing::open(path);
  test::write_text(folder / "keys" / config::kAuthorizedFile, "what is this\n");
  chmod((path + "/" + config::kAuthorizedFile).c_str(), 0600);
  // A key that is added later shows that the damage was seen and passed.
  EXPECT_FALSE(wait_for([&] { return !ring->find(me, keys::Door::kClients); }, 3s));
  write({{keys::Role::kReader, "new", worker, "new"}, {keys::Role::kAdmin, "me", me, "me"}});
  EXPECT_TRUE(wait_for([&] { return ring->find(worker, keys::Door::kClients).has_value(); }));
}

TEST_F(KeyRingTest, OthersMayReadNothing) {
  chmod((path + "/" + config::kBrokerKeyFile).c_str(), 0640);
  const auto ring = broker::KeyRing::open(path);
  ASSERT_FALSE(ring);
  EXPECT_EQ(ring.error().code, ErrorCode::kNotAllowed);
}

}  // namespace
}  // namespace landseer::net
