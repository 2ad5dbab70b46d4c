#include "common/net/connections.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/unique_fd.h"
#include "common/net/clock.h"

namespace landseer::net {
namespace {

using namespace std::chrono_literals;

const std::string kFirst("\0\0\0\0\x01", 5);
const std::string kSecond("\0\0\0\0\x02", 5);

/// A connection, and the end that a peer has.
struct Pair {
  Pair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ours = UniqueFd(fds[0]);
    theirs = UniqueFd(fds[1]);
  }
  /// Whether the peer reads an end of it.
  bool ended() const {
    char byte = 0;
    return recv(theirs.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }
  UniqueFd ours;
  UniqueFd theirs;
};

class ConnectionsTest : public ::testing::Test {
 protected:
  bool received(const std::string& peer, const Pair& pair, bool whole = true) {
    return connections.received(peer, pair.ours.get(), "anna", {10, whole});
  }
  Connections connections;
  Instant start = now().instant;
};

TEST_F(ConnectionsTest, TellsTheFirstWholeMessage) {
  const Pair pair;
  EXPECT_FALSE(received(kFirst, pair, false));
  EXPECT_TRUE(received(kFirst, pair));
  EXPECT_FALSE(received(kFirst, pair));
}

TEST_F(ConnectionsTest, AFewThatMeanNothingAreForgivenMoreAreNot) {
  const Pair pair;
  received(kFirst, pair);
  Instant at = start;
  for (int minute = 0; minute < 3; ++minute, at = at + Connections::kMalformedIn) {
    for (std::uint32_t i = 1; i < Connections::kMalformedMax; ++i) {
      EXPECT_FALSE(connections.malformed(kFirst, at));
    }
  }
  EXPECT_FALSE(connections.ends_soon(kFirst));
  for (std::uint32_t i = 1; i < Connections::kMalformedMax; ++i) connections.malformed(kFirst, at);
  EXPECT_TRUE(connections.malformed(kFirst, at));
  EXPECT_FALSE(connections.malformed(kFirst, at)) << "it is said once";
  EXPECT_TRUE(connections.ends_soon(kFirst));
  connections.end_due(at);
  EXPECT_FALSE(pair.ended()) << "it may read why";
  connections.end_due(at + Connections::kFarewell);
  EXPECT_TRUE(pair.ended());
}

TEST_F(ConnectionsTest, MessagesOfSeveralFramesAreOfThatKind) {
  const Pair pair;
  for (std::uint32_t i = 0; i < Connections::kMalformedMax; ++i) received(kFirst, pair, false);
  EXPECT_TRUE(connections.ends_soon(kFirst));
}

TEST_F(ConnectionsTest, NobodyElsePaysForIt) {
  const Pair bad;
  const Pair good;
  received(kFirst, bad);
  received(kSecond, good);
  for (std::uint32_t i = 0; i < Connections::kMalformedMax; ++i) {
    connections.malformed(kFirst, start);
  }
  EXPECT_FALSE(connections.malformed("stranger", start));
  connections.end_due(start + Connections::kFarewell);
  EXPECT_TRUE(bad.ended());
  EXPECT_FALSE(good.ended());
}

TEST_F(ConnectionsTest, ADescriptorThatIsUsedAgainIsAnotherConnection) {
  Pair old;
  received(kFirst, old);
  Pair young;
  // As if the first were closed and the second got its number.
  ASSERT_EQ(dup2(young.ours.get(), old.ours.get()), old.ours.get());
  EXPECT_TRUE(received(kSecond, old));
  EXPECT_FALSE(connections.has_more_than(1, "anna"));
  EXPECT_FALSE(received(kFirst, old)) << "what the first said last is no new connection";
  EXPECT_FALSE(received(kSecond, old)) << "and takes nothing from the second";
  connections.end_later(kFirst, start);
  connections.end_due(start);
  EXPECT_FALSE(young.ended());
  connections.end_later(kSecond, start);
  connections.end_due(start);
  EXPECT_TRUE(young.ended());
}

TEST_F(ConnectionsTest, TheLaterOfTwoHasTheDescriptorThoughTheEarlierSpeaksFirst) {
  const Pair pair;
  EXPECT_TRUE(received(kFirst, pair)) << "it is gone already, and nobody can know";
  EXPECT_TRUE(received(kSecond, pair));
  EXPECT_FALSE(received(kFirst, pair));
  EXPECT_FALSE(received(kSecond, pair));
}

TEST_F(ConnectionsTest, FramesAreCountedAsTheyAreOnTheWire) {
  EXPECT_EQ(connections.wire_bytes(0), 2u);
  EXPECT_EQ(connections.wire_bytes(255), 257u);
  EXPECT_EQ(connections.wire_bytes(256), 265u);
  connections.secured();
  EXPECT_EQ(connections.wire_bytes(222), 257u) << "33 bytes around it";
  EXPECT_EQ(connections.wire_bytes(223), 265u);
}

}  // namespace
}  // namespace landseer::net
