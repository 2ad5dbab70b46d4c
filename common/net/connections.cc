#include "common/net/connections.h"

#include <dirent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "common/net/clock.h"

namespace landseer::net {
namespace {

/// Heartbeats of both sides, each five seconds, are some 16 bytes a second with CURVE.
constexpr std::uint64_t kOwnBytesPerSecond = 64;
/// A handshake is a few hundred bytes.
constexpr std::uint64_t kSilentBytesMax = 64 * 1024;

std::uint64_t seconds_since(Instant opened) {
  const Duration age = now().instant - opened;
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(age).count()) +
         1;
}

/// The kernel is asked how much a peer has read when so much more was sent.
constexpr std::uint64_t kLookBytes = 4 * 1024 * 1024;
constexpr std::size_t kShortFrame = 255;

/// 0: not a socket, or closed.
std::uint64_t inode_of(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

void end(int fd) { shutdown(fd, SHUT_RDWR); }

std::optional<tcp_info> info_of(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  // An old kernel knows less of it.
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
      size < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) {
    return std::nullopt;
  }
  return info;
}

std::uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return 0;
}

/// Not of the one that listens, which is connected to nobody.
bool is_connected_at(int fd, std::uint16_t port) {
  sockaddr_storage own{};
  sockaddr_storage peer{};
  socklen_t size = sizeof own;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0 || port_of(own) != port) {
    return false;
  }
  size = sizeof peer;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

template <class Visit>
void for_each_file(Visit&& visit) {
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) {  // there is no descriptor left to read it through
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    for (int fd = 0; fd < static_cast<int>(limit.rlim_cur); ++fd) visit(fd);
    return;
  }
  while (const dirent* const entry = readdir(folder)) {
    if (entry->d_name[0] != '.') visit(std::atoi(entry->d_name));
  }
  closedir(folder);
}

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

/// The ids that libzmq gives are a zero and a counter of 32 bits, which begins anywhere.
std::optional<std::uint32_t> counter_of(const std::string& routing_id) {
  if (routing_id.size() != 5 || routing_id[0] != '\0') return std::nullopt;
  std::uint32_t counter = 0;
  for (std::size_t i = 1; i < routing_id.size(); ++i) {
    counter = counter << 8 | static_cast<unsigned char>(routing_id[i]);
  }
  return counter;
}

bool came_later(const std::string& peer, const std::string& than) {
  const auto a = counter_of(peer);
  const auto b = counter_of(than);
  return a && b && static_cast<std::int32_t>(*a - *b) > 0;
}

}  // namespace

std::uint64_t Connections::wire_bytes(std::size_t bytes) const {
  const std::uint64_t framed = bytes + overhead_;
  return framed + (framed > kShortFrame ? 9 : 2);
}

/// False: the connection is over, and its descriptor is another's. Only its last messages come.
bool Connections::open(const std::string& peer, int fd, const std::string& user) {
  if (const auto found = by_peer_.find(peer); found != by_peer_.end()) forget(found);
  if (const auto before = by_fd_.find(fd); before != by_fd_.end()) {
    const auto holder = by_peer_.find(before->second);
    if (holder->second.inode == inode_of(fd) && came_later(holder->first, peer)) return false;
    forget(holder);
  }
  Connection& opened = by_peer_.emplace(peer, Connection{fd, inode_of(fd), user}).first->second;
  opened.opened = now().instant;
  by_fd_.emplace(fd, peer);
  if (!user.empty()) by_user_[user].insert(fd);
  return true;
}

void Connections::forget(ByPeer::iterator found) {
  const Connection& connection = found->second;
  if (const auto user = by_user_.find(connection.user); user != by_user_.end()) {
    user->second.erase(connection.fd);
    if (user->second.empty()) by_user_.erase(user);
  }
  by_fd_.erase(connection.fd);
  ending_.erase(found->first);
  by_peer_.erase(found);
}

bool Connections::received(const std::string& peer, int fd, const std::string& user,
                           const Received& message) {
  if (fd < 0) return false;
  auto found = by_peer_.find(peer);
  if (found == by_peer_.end() || found->second.fd != fd || found->second.user != user) {
    if (!open(peer, fd, user)) return false;
    found = by_peer_.find(peer);
  }
  Connection& connection = found->second;
  connection.received += message.wire_bytes;
  if (message.whole) return std::exchange(connection.is_new, false);
  malformed(peer, now().instant);
  return false;
}

bool Connections::malformed(const std::string& peer, Instant now) {
  const auto found = by_peer_.find(peer);
  if (found == by_peer_.end()) return false;
  Connection& connection = found->second;
  if (connection.malformed == 0 || now - connection.malformed_since >= kMalformedIn) {
    connection.malformed_since = now;
    connection.malformed = 0;
  }
  if (++connection.malformed != kMalformedMax) return false;
  end_later(peer, now + kFarewell);
  return true;
}

void Connections::sent(const std::string& peer, std::size_t bytes) {
  const auto found = by_peer_.find(peer);
  if (found == by_peer_.end()) return;
  Connection& connection = found->second;
  connection.sent += wire_bytes(bytes);
  if (connection.sent - connection.looked_at < kLookBytes) return;
  connection.looked_at = connection.sent;
  if (inode_of(connection.fd) != connection.inode) return;
  const auto info = info_of(connection.fd);
  if (info && less(connection.sent, info->tcpi_bytes_acked) > kUnreadMax) end(connection.fd);
}

bool Connections::has_more_than(std::size_t count, const std::string& user) {
  const auto found = by_user_.find(user);
  if (found == by_user_.end() || found->second.size() <= count) return false;
  const std::set<int> fds = found->second;  // forget() changes the original
  std::size_t open = 0;
  for (const int fd : fds) {
    const auto connection = by_peer_.find(by_fd_.at(fd));
    if (inode_of(fd) == connection->second.inode) {
      ++open;
    } else {
      forget(connection);
    }
  }
  return open > count;
}

void Connections::end_later(const std::string& peer, Instant when) {
  if (by_peer_.contains(peer)) ending_.emplace(peer, when);
}

std::vector<std::string> Connections::find_unless(
    const std::function<bool(const std::string&)>& is_good) const {
  std::vector<std::string> found;
  for (const auto& [user, fds] : by_user_) {
    if (is_good(user)) continue;
    for (const int fd : fds) found.push_back(by_fd_.at(fd));
  }
  return found;
}

void Connections::end_due(Instant now) {
  for (auto each = ending_.begin(); each != ending_.end();) {
    const auto due = each++;  // forget() removes it
    if (due->second > now) continue;
    const auto found = by_peer_.find(due->first);
    if (inode_of(found->second.fd) == found->second.inode) end(found->second.fd);
    forget(found);
  }
}

const Connections::Connection* Connections::find(int fd, std::uint64_t inode) const {
  const auto peer = by_fd_.find(fd);
  if (peer == by_fd_.end()) return nullptr;
  const Connection& connection = by_peer_.at(peer->second);
  return connection.inode == inode ? &connection : nullptr;
}

void Connections::for_each_socket(
    const std::function<void(int fd, const Connection*)>& visit) const {
  if (port_ == 0) return;
  for_each_file([&](int fd) {
    const std::uint64_t inode = inode_of(fd);
    if (inode != 0 && is_connected_at(fd, port_)) visit(fd, find(fd, inode));
  });
}

std::size_t Connections::end_silent() {
  std::size_t ended = 0;
  for_each_socket([&](int fd, const Connection* known) {
    if (known != nullptr) return;
    end(fd);
    ++ended;
  });
  return ended;
}

std::size_t Connections::end_holders(std::uint64_t bytes_max) {
  static const Connection kSilent;
  std::size_t ended = 0;
  for_each_socket([&](int fd, const Connection* known) {
    const auto info = info_of(fd);
    if (!info) return;
    const Connection& connection = known != nullptr ? *known : kSilent;
    // libzmq's own traffic is in the kernel's numbers, but never comes to us.
    const std::uint64_t own =
        known != nullptr ? kOwnBytesPerSecond * seconds_since(known->opened) : 0;
    const std::uint64_t held = less(less(info->tcpi_bytes_received, connection.received), own) +
                               less(connection.sent, info->tcpi_bytes_acked);
    // Who has said nothing that came to us has no reason to be large.
    if (held <= (known != nullptr ? bytes_max : std::min(bytes_max, kSilentBytesMax))) return;
    end(fd);
    ++ended;
  });
  return ended;
}

double files_in_use() {
  rlimit limit{};
  struct stat status {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == 0) return 0;
  // Since Linux 6.2 the folder's size is the number of files.
  std::uint64_t files = 0;
  if (stat("/proc/self/fd", &status) == 0) files = static_cast<std::uint64_t>(status.st_size);
  if (files == 0) for_each_file([&](int) { ++files; });
  return static_cast<double>(files) / static_cast<double>(limit.rlim_cur);
}

}  // namespace landseer::net
