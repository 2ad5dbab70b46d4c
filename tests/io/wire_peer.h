/// A peer with a key of its own that speaks to the real broker, one message after the other.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>

#include "common/net/clock.h"
#include "common/net/socket.h"
#include "common/protocol/codec.h"

namespace landseer::test {

inline constexpr Duration kPatience = std::chrono::seconds(60);

struct Peer {
  Peer(const std::string& address, const net::ClientKeys& own, const net::SocketOptions& more = {})
      : dealer(context, more), watch(context, dealer) {
    EXPECT_TRUE(dealer.secure(own));
    EXPECT_TRUE(dealer.connect(address));
  }
  /// Without a key.
  explicit Peer(const std::string& address) : dealer(context), watch(context, dealer) {
    EXPECT_TRUE(dealer.connect(address));
  }
  /// False when it is turned away instead.
  bool send(const std::string& frame) {
    const Instant deadline = net::now().instant + kPatience;
    while (!dealer.send(frame)) {
      static_cast<void>(watch.take());
      if (watch.refusal() != net::Refusal::kNone) return false;
      if (net::now().instant > deadline) {
        ADD_FAILURE() << "neither let in nor turned away";
        return false;
      }
      net::poll({}, std::chrono::milliseconds(2));
    }
    return true;
  }
  std::string receive() {
    std::array<net::PollItem, 1> items{{{&dealer}}};
    net::poll(items, kPatience);
    const auto frame = dealer.receive();
    EXPECT_TRUE(frame) << "no answer";
    return frame.value_or("");
  }
  /// What a client is answered.
  protocol::ToClient ask(const protocol::FromClient& message) {
    EXPECT_TRUE(send(protocol::encode(message, ++number)));
    const auto reply = protocol::decode_to_client(receive());
    return reply ? reply->message : protocol::ToClient(protocol::ErrorReply{});
  }

  net::Context context;
  net::Dealer dealer;
  net::LossWatch watch;
  std::uint64_t number = 0;
};

template <class Condition>
bool wait_until(Condition&& condition) {
  const Instant deadline = net::now().instant + kPatience;
  while (!condition()) {
    if (net::now().instant > deadline) return false;
    net::poll({}, std::chrono::milliseconds(10));
  }
  return true;
}

/// An error's code; kInternal for an answer that is none.
inline ErrorCode code_of(const protocol::ToClient& answer) {
  const auto* error = std::get_if<protocol::ErrorReply>(&answer);
  return error != nullptr ? error->code : ErrorCode::kInternal;
}

}  // namespace landseer::test
