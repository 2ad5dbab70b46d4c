/// The TCP connections below a Router. libzmq tells nothing of them and cannot be asked to end one,
/// but each message says which file descriptor it came through, and the kernel says how much went
/// through that. So a connection can be ended by its Router's owner, and whoever makes libzmq hold
/// much is found. One thread: that of the Router.
///
/// A descriptor may be closed and used again at any moment, by libzmq's own thread. Its inode tells
/// one socket from the next; should they change places just when a connection is ended, another
/// peer has to connect again, and nothing else happens.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/time.h"

namespace landseer::net {

class Connections {
 public:
  /// The port that the Router is bound to; those that never said anything are found by it. None: 0.
  void listens_at(std::uint16_t port) { port_ = port; }
  /// With CURVE, a frame is longer than its content.
  void secured() { overhead_ = kCurveBytes; }

  // --- Told by the Router ---

  struct Received {
    std::uint64_t wire_bytes = 0;  ///< of its frames together, see wire_bytes()
    bool whole = true;             ///< false: the Router drops it
  };
  /// What a frame with so much content takes on the wire.
  std::uint64_t wire_bytes(std::size_t bytes) const;
  /// True: it is the first whole message over this connection. One that is not whole is malformed.
  bool received(const std::string& peer, int fd, const std::string& user, const Received& message);
  /// Ends the connection of a peer that does not read: see kUnreadMax.
  void sent(const std::string& peer, std::size_t bytes);

  // --- For the Router's owner ---

  /// What this peer sent means nothing. With kMalformedMax of them within kMalformedIn its
  /// connection is ended after kFarewell, and this is true, once.
  bool malformed(const std::string& peer, Instant now);
  /// Whether this user has more open ones. Looks at each only if it seems so.
  bool has_more_than(std::size_t count, const std::string& user);
  /// A peer may hear why before it goes.
  void end_later(const std::string& peer, Instant when);
  bool ends_soon(const std::string& peer) const { return ending_.contains(peer); }
  /// The peers of users that are not good, which have their connections still.
  std::vector<std::string> find_unless(
      const std::function<bool(const std::string&)>& is_good) const;
  /// Ends what is due.
  void end_due(Instant now);

  // The following look at every file that the process has open: not for each event.

  /// Ends those that have not said anything; returns how many.
  std::size_t end_silent();
  /// Ends those for which libzmq, or the kernel, holds more than this; returns how many.
  std::size_t end_holders(std::uint64_t bytes_max);

  /// Bytes that wait for one peer to read them; more end its connection.
  static constexpr std::uint64_t kUnreadMax = 64 * 1024 * 1024;
  /// A peer of another version may say a few things that this one does not know.
  static constexpr std::uint32_t kMalformedMax = 20;
  static constexpr Duration kMalformedIn = std::chrono::minutes(1);
  /// So long a peer may read why its connection ends.
  static constexpr Duration kFarewell = std::chrono::seconds(1);

 private:
  /// Around the content of a frame of CURVE: RFC 26 of the ZeroMQ project, MESSAGE.
  static constexpr std::uint64_t kCurveBytes = 33;

  struct Connection {
    int fd = -1;
    std::uint64_t inode = 0;
    std::string user;
    bool is_new = true;
    std::uint64_t received = 0;  ///< bytes, as on the wire
    std::uint64_t sent = 0;
    std::uint64_t looked_at = 0;  ///< of `sent`
    Instant opened{};
    std::uint32_t malformed = 0;
    Instant malformed_since{};
  };
  using ByPeer = std::unordered_map<std::string, Connection>;

  bool open(const std::string& peer, int fd, const std::string& user);
  void forget(ByPeer::iterator found);
  const Connection* find(int fd, std::uint64_t inode) const;
  void for_each_socket(const std::function<void(int fd, const Connection*)>& visit) const;

  std::uint16_t port_ = 0;
  std::uint64_t overhead_ = 0;
  ByPeer by_peer_;                                          // by routing id
  std::unordered_map<int, std::string> by_fd_;              // so there are no more than files
  std::unordered_map<std::string, std::set<int>> by_user_;  // but for the user without a name
  std::unordered_map<std::string, Instant> ending_;         // by routing id
};

/// How many files this process has open, as a part of what it may have.
double files_in_use();

}  // namespace landseer::net
