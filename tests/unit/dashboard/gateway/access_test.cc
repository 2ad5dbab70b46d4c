#include "dashboard/gateway/access.h"

#include <gtest/gtest.h>

namespace landseer::gateway {
namespace {

using namespace std::chrono_literals;
using config::DashboardToken;
using config::TokenKind;

struct Door {
  Door() { now.wall.unix_ms = 1'700'000'000'000; }

  std::string ticket(const std::string& nonce, std::int64_t life_ms = 300'000,
                     const std::string& instance = "one") const {
    return config::sign_token(key, {TokenKind::kTicket, true, now.wall.unix_ms + life_ms, nonce},
                              instance);
  }
  Response log_in(const std::string& ticket) {
    Request request = ask();
    request.query["ticket"] = ticket;
    return access.login(request, now);
  }
  static Request ask() {
    Request request;
    request.method = "GET";
    request.path = "/api/v1/session";
    request.headers["host"] = "localhost:7713";
    request.remote = "127.0.0.1";
    return request;
  }
  /// A request of whoever got this answer to a login.
  static Request with_session(const Response& login) {
    Request request = ask();
    for (const auto& [name, value] : login.headers) {
      if (name == "Set-Cookie") request.headers["cookie"] = value.substr(0, value.find(';'));
    }
    return request;
  }

  Digest key = sha256("key");
  Access access{AccessSettings{key, "one", {"lab.example"}, {2, 4}, {100, 100}, {100, 100}}};
  Now now;
};

TEST(Access, ATicketOpensOneSession) {
  Door door;
  const Response first = door.log_in(door.ticket("a"));
  EXPECT_EQ(first.status, 200u);
  const auto session = door.access.session_of(Door::with_session(first), door.now);
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->may_act);
  EXPECT_EQ(door.log_in(door.ticket("a")).status, 403u) << "spent";
  EXPECT_EQ(door.log_in(door.ticket("b")).status, 200u);
}

TEST(Access, TicketsOfOthersOpenNothing) {
  Door door;
  EXPECT_EQ(door.log_in(door.ticket("a", -1)).status, 403u) << "expired";
  EXPECT_EQ(door.log_in(door.ticket("a", 1000, "two")).status, 403u) << "of another gateway";
  const DashboardToken session{TokenKind::kSession, true, door.now.wall.unix_ms + 1000, "a"};
  EXPECT_EQ(door.log_in(config::sign_token(door.key, session, "one")).status, 403u);
  const DashboardToken forged{TokenKind::kTicket, true, door.now.wall.unix_ms + 1000, "a"};
  EXPECT_EQ(door.log_in(config::sign_token(sha256("guess"), forged, "one")).status, 403u);
  for (const char* odd : {"", ".", "....", "t.1.2.3", "t.1.x.3.4", "t.1.1.a.b.c"}) {
    EXPECT_EQ(door.log_in(odd).status, 403u) << odd;
  }
}

TEST(Access, ASessionEnds) {
  Door door;
  const Request request = Door::with_session(door.log_in(door.ticket("a")));
  const auto session = door.access.session_of(request, door.now);
  ASSERT_TRUE(session);
  door.now.wall.unix_ms = session->expires_at + 1;
  EXPECT_FALSE(door.access.session_of(request, door.now)) << "by itself";
  door.now.wall.unix_ms = session->expires_at - 1;
  EXPECT_TRUE(door.access.session_of(request, door.now));
  EXPECT_EQ(door.access.logout(*session, door.now).status, 204u);
  EXPECT_FALSE(door.access.session_of(request, door.now)) << "when asked to";
}

TEST(Access, HostsAreComparedWithoutCaseAndPort) {
  Door door;
  const auto status = [&](const std::string& host) {
    Request request = Door::ask();
    request.headers["host"] = host;
    const auto refused = door.access.check(request, door.now);
    return refused ? refused->status : 200u;
  };
  for (const char* own : {"localhost", "LOCALHOST:1", "127.0.0.1:7713", "[::1]", "[::1]:80",
                          "lab.example", "Lab.Example:443"}) {
    EXPECT_EQ(status(own), 200u) << own;
  }
  for (const char* other : {"", "evil.example", "localhost.evil.example", "127.0.0.2", "[::2]",
                            "lab.example.evil.example", "localhost:80:80", "[::1"}) {
    EXPECT_EQ(status(other), 421u) << other;
  }
}

TEST(Access, EachSessionHasARateOfItsOwn) {
  Door door;
  const Request one = Door::with_session(door.log_in(door.ticket("a")));
  const Request two = Door::with_session(door.log_in(door.ticket("b")));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(door.access.check(one, door.now));
  const auto refused = door.access.check(one, door.now);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429u);
  EXPECT_FALSE(door.access.check(two, door.now));
  door.now.instant = door.now.instant + 500ms;
  EXPECT_FALSE(door.access.check(one, door.now)) << "two a second";
  EXPECT_TRUE(door.access.check(one, door.now));
}

TEST(Rates, AreBoundedInNumber) {
  Rates rates;
  for (std::size_t i = 0; i < 3 * Rates::kNamesMax; ++i) {
    EXPECT_TRUE(rates.take(std::to_string(i), {1, 1}, Instant{}));
  }
  EXPECT_FALSE(rates.take(std::to_string(3 * Rates::kNamesMax - 1), {1, 1}, Instant{}));
}

}  // namespace
}  // namespace landseer::gateway
