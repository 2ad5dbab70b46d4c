/// What the broker says to peers that ask for what is wrong, in every way there is: no paths of its
/// own, no key, no place in its sources. By whoever has a key, and without any.
#include <gtest/gtest.h>

#include "tests/io/broker_process.h"
#include "tests/io/wire_peer.h"
#include "tests/simulation/random.h"
#include "tests/support/broker_harness.h"
#include "tests/support/mentions.h"

namespace landseer::broker {
namespace {

using keys::Role;
using simulation::Random;
using test::Peer;

/// Fills every field of a message with something odd: a walk over fields(), as a codec does.
class Filler {
 public:
  explicit Filler(Random& random) : random_(random) {}

  template <class T>
  void fill(T& value) {
    if constexpr (protocol::HasFields<T>) {
      T::fields(value, [&](const char*, auto&& field) { fill(field); });
    } else if constexpr (std::is_same_v<T, bool>) {
      value = random_.chance(0.5);
    } else if constexpr (std::is_enum_v<T>) {
      using Number = std::underlying_type_t<T>;
      // What is no value of it is malformed, and answered by nobody.
      value = static_cast<T>(
          static_cast<Number>(protocol::IsId<T> ? random_.below(5) : 1 + random_.below(2)));
    } else if constexpr (std::is_integral_v<T>) {
      value =
          random_.chance(0.5) ? static_cast<T>(random_.below(3)) : static_cast<T>(random_.next());
    }
  }
  void fill(std::string& text) {
    const std::vector<std::string> some{"",    "x",    "../../etc/passwd",   "task_1",
                                        "a b", "%s%n", std::string(300, 'y')};
    text = some[random_.below(some.size())];
  }
  void fill(Digest& digest) { digest = sha256(std::to_string(random_.below(3))); }
  template <class S>
  void fill(protocol::BytesRef<S>& field) {
    fill(field.bytes);
  }
  template <class T>
  void fill(protocol::AtMostRef<T>& field) {
    fill(field.list);
  }
  template <class T>
  void fill(protocol::AddedRef<T>& field) {
    fill(field.value);
  }
  template <class T>
  void fill(std::vector<T>& values) {
    values.resize(random_.below(3));
    for (T& value : values) fill(value);
  }
  template <class T>
  void fill(std::optional<T>& value) {
    if (random_.chance(0.5)) fill(value.emplace());
  }
  void fill(std::map<std::string, std::string>& values) { values["x"] = "y"; }

 private:
  Random& random_;
};

template <class Variant, std::size_t... kIndex>
Variant random_message(Random& random, std::index_sequence<kIndex...>) {
  Variant message;
  const std::uint64_t chosen = random.below(sizeof...(kIndex));
  static_cast<void>(
      ((chosen == kIndex ? (message.template emplace<kIndex>(), true) : false) || ...));
  std::visit([&](auto& body) { Filler(random).fill(body); }, message);
  return message;
}
template <class Variant>
Variant random_message(Random& random) {
  return random_message<Variant>(random, std::make_index_sequence<std::variant_size_v<Variant>>());
}

class ErrorText : public ::testing::Test {
 protected:
  explicit ErrorText(bool with_keys = true) : broker(with_keys) {}

  void expect_clean(const std::string& text) {
    ++looked_at;
    const std::string folder = broker.state_folder().parent_path().string();
    for (const std::string& secret :
         {folder, std::string("/state"), std::string("/keys"), std::string(".cc:"),
          std::string(".h:"), std::string("std::"), std::string("terminate"), std::string("sqlite"),
          std::string("broker.key"), std::string(LANDSEER_SOURCE_DIR)}) {
      EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in: " << text;
    }
    for (const auto& [role, own] : key) {
      EXPECT_EQ(text.find(own.secret_key), std::string::npos) << text;
      EXPECT_EQ(text.find(own.public_key), std::string::npos) << text;
    }
  }

  template <class Reply>
  void expect_clean_reply(const Result<protocol::Envelope<Reply>>& reply) {
    ASSERT_TRUE(reply) << reply.error().to_string();
    expect_clean(landseer::testing::Mentions(reply->message).text());
  }

  /// A submission with a byte changed here and there, or odd in some field.
  std::string odd_submission(Random& random) {
    auto submission =
        testing::BrokerHarness::chains("a b\nc", "s" + std::to_string(random.below(9)));
    submission.model_name = random.chance(0.3) ? "../../model.py" : "";
    submission.model_script = submission.model_name.empty() ? "" : "script";
    if (random.chance(0.5)) Filler(random).fill(submission.options[0]);
    if (random.chance(0.3)) Filler(random).fill(submission.tools[0]);
    std::string body = protocol::encode_submission(submission);
    if (random.chance(0.4)) body[random.below(body.size())] = static_cast<char>(random.next());
    if (random.chance(0.1)) body.resize(random.below(body.size()));
    return body;
  }

  void ask_as_client(Peer& peer, Random& random) {
    auto request = random_message<protocol::FromClient>(random);
    if (auto* chunk = std::get_if<protocol::SubmitChunk>(&request)) {
      *chunk = {"s" + std::to_string(random.below(9)), 0, true, odd_submission(random), false};
    }
    // These would wait for something to happen.
    if (auto* changes = std::get_if<protocol::GetChanges>(&request)) changes->wait_ms = 0;
    if (auto* watch = std::get_if<protocol::WatchPipeline>(&request)) {
      watch->known_version = 0;
      watch->until_terminal = false;
    }
    ASSERT_TRUE(peer.send(protocol::encode(request, ++peer.number)));
    expect_clean_reply(protocol::decode_to_client(peer.receive()));
  }

  test::BrokerProcess broker;
  std::map<Role, net::ClientKeys> key;
  std::size_t looked_at = 0;
};

TEST_F(ErrorText, TellsWhoHasAKeyNothingOfTheBrokersOwn) {
  for (const Role role : keys::kRoles) key[role] = broker.add(std::string(to_string(role)), role);
  broker.start();
  Random random(1);
  for (const Role role : {Role::kReader, Role::kSubmitter, Role::kAdmin}) {
    Peer peer(broker.addresses[1], key[role]);
    // Fewer than a key may ask at once: Busy says the same each time.
    for (int i = 0; i < 600; ++i) ask_as_client(peer, random);
    Peer bulk(broker.addresses[2], key[role]);
    for (int i = 0; i < 100; ++i) {
      const auto request = random_message<protocol::BulkRequest>(random);
      ASSERT_TRUE(bulk.send(protocol::encode(request, 1)));
      expect_clean_reply(protocol::decode_bulk_reply(bulk.receive()));
    }
  }
  for (int i = 0; i < 60; ++i) {
    Peer worker(broker.addresses[0], key[Role::kWorker]);
    protocol::Hello hello;
    Filler(random).fill(hello);
    if (random.chance(0.7)) hello.protocol_min = hello.protocol_max = 1;
    const protocol::FromWorker message(hello);
    ASSERT_TRUE(worker.send(protocol::encode(message)));
    expect_clean_reply(protocol::decode_to_worker(worker.receive()));
  }
  EXPECT_GT(looked_at, 2000u);
  EXPECT_TRUE(broker.running());
}

class ErrorTextWithoutKeys : public ErrorText {
 protected:
  ErrorTextWithoutKeys() : ErrorText(false) {}
};

TEST_F(ErrorTextWithoutKeys, TellsWhoIsOnThisMachineNothingEither) {
  broker.start();
  Random random(2);
  Peer peer(broker.addresses[1]);
  for (int i = 0; i < 1000; ++i) ask_as_client(peer, random);
  EXPECT_TRUE(broker.running());
}

/// Who has no key, or one that is not on the list, is turned away and hears nothing at all.
TEST_F(ErrorText, StrangersHearNothing) {
  key[Role::kAdmin] = broker.add("admin", Role::kAdmin);
  broker.start();
  const auto own = *net::make_key_pair();
  for (const std::string& address : broker.addresses) {
    Peer stranger(address,
                  net::ClientKeys{key[Role::kAdmin].server_key, own.public_key, own.secret_key});
    EXPECT_FALSE(stranger.send("hello"));
    EXPECT_FALSE(stranger.dealer.receive());
  }
}

}  // namespace
}  // namespace landseer::broker
