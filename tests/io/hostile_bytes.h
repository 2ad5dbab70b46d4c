/// What a peer without a key may send to a port: rubbish of every age of ZMTP, the protocol below
/// ZeroMQ (RFC 13, 15, 23 and 26 of the ZeroMQ project). Written by hand, for no library would.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/base/unique_fd.h"

namespace landseer::test {

using Random = std::mt19937_64;

inline std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(value >> (8 * bytes));
  return text;
}

// Flags of a ZMTP 3 frame.
inline constexpr char kMore = 1;
inline constexpr char kLong = 2;
inline constexpr char kCommand = 4;

/// Claims to be `size` bytes long.
inline std::string frame_head(std::uint64_t size, char flags) {
  if (size > 255) return std::string(1, static_cast<char>(flags | kLong)) + big_endian(size, 8);
  return {flags, static_cast<char>(size)};
}

inline std::string frame(const std::string& body, char flags = 0) {
  return frame_head(body.size(), flags) + body;
}

inline std::string greeting(std::string mechanism, char minor = 0, char as_server = 0) {
  mechanism.resize(20);
  return "\xff" + std::string(8, '\0') + "\x7f\x03" + minor + mechanism + as_server +
         std::string(31, '\0');
}

inline std::string command(const std::string& name, const std::string& body) {
  return frame(std::string(1, static_cast<char>(name.size())) + name + body, kCommand);
}

/// A peer without security that has introduced itself as a DEALER, and says what its routing id is.
inline std::string null_handshake(const std::string& routing_id = {}) {
  std::string about = "\x0bSocket-Type" + big_endian(6, 4) + "DEALER";
  if (!routing_id.empty()) about += "\x08Identity" + big_endian(routing_id.size(), 4) + routing_id;
  return greeting("NULL") + command("READY", about);
}

/// MessagePack that claims to be far more than it is, or is nested as deep as it is long.
inline std::string bomb(Random& random) {
  static const std::vector<std::string> kClaims{
      {"\xdd\xff\xff\xff\xff", 5}, {"\xdf\xff\xff\xff\xff", 5},     {"\xdb\xff\xff\xff\xff", 5},
      {"\xc6\xff\xff\xff\xff", 5}, {"\xc9\xff\xff\xff\xff\x01", 6}, {"\xdc\xff\xff", 3}};
  const std::string& claim = kClaims[random() % kClaims.size()];
  std::string bytes;
  switch (random() % 4) {
    case 0:
      return claim;
    case 1:
      return std::string(random() % 100'000, '\x91');
    case 2:  // each list claims to have lists
      for (int i = 0; i < 1000; ++i) bytes += kClaims[0];
      return bytes;
    default:  // a message up to its fields
      return std::string("\x93\x01\x00", 3) + claim + random_bytes(random, 20);
  }
}

inline std::string damaged_multipart(Random& random) {
  std::string bytes = null_handshake();
  for (std::size_t i = random() % 200; i > 0; --i) {
    bytes += frame(random_bytes(random, random() % 300), kMore);
  }
  return bytes;
}

/// The bytes of one hostile connection.
inline std::string hostile_bytes(Random& random) {
  const std::string curve = greeting("CURVE");
  switch (random() % 16) {
    case 0:
      return random_bytes(random, random() % 4096);
    case 1:
      return "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    case 2:  // ZMTP 1.0: no greeting, frames with one byte of length
      return std::string("\x01\x00\x06\x00hello", 9) + random_bytes(random, random() % 100);
    case 3:  // ZMTP 2.0
      return "\xff" + std::string(7, '\0') + std::string("\x01\x7f\x01\x05\x00\x00", 6) +
             frame(bomb(random));
    case 4:
      return null_handshake() + frame(bomb(random)) + frame(random_bytes(random, 100));
    case 5:
      return greeting("PLAIN") + command("HELLO",
                                         "\x05"
                                         "admin\x05"
                                         "admin");
    case 6:  // as long as a real one, with a box that nobody can open
      return curve + command("HELLO", std::string("\x01\x00", 2) + std::string(72, '\0') +
                                          random_bytes(random, 120));
    case 7:
      return curve + command("HELLO", random_bytes(random, random() % 200));
    case 8:  // the third step first, or one that is for later
      return curve + command(random() % 2 == 0 ? "INITIATE" : "MESSAGE",
                             random_bytes(random, 100 + random() % 500));
    case 9:  // without an end
      return (random() % 2 == 0 ? curve : null_handshake()) +
             frame_head(std::uint64_t{1} << (8 + random() % 55), kCommand) +
             random_bytes(random, random() % 3000);
    case 10:
      return damaged_multipart(random);
    case 11:  // half a greeting
      return curve.substr(0, random() % curve.size());
    case 12:
      return {};
    case 13:
      return greeting(random() % 2 == 0 ? "GSSAPI" : "CURVE", 1, 1) + random_bytes(random, 64);
    case 14:
      return curve +
             command("ERROR",
                     "\x03"
                     "why") +
             command("READY", random_bytes(random, 50));
    default:  // pings before anybody asked who it is
      return curve + command("PING", random_bytes(random, 18)) + command("PONG", {});
  }
}

/// A connection to `tcp://127.0.0.1:PORT`; invalid if the kernel has none to give.
inline UniqueFd connect_raw(const std::string& address) {
  UniqueFd peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{5, 0};
  const linger reset{1, 0};  // else each leaves its port in TIME_WAIT for a minute
  if (!peer) return peer;
  setsockopt(peer.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (connect(peer.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) peer.reset();
  return peer;
}

/// As much as it takes at once; who hangs up on rubbish is right to do so.
inline void send_raw(const UniqueFd& peer, const std::string& bytes) {
  static_cast<void>(send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

/// A connection without security that has shaken hands, and may send messages.
inline UniqueFd connect_dealer(const std::string& address, const std::string& routing_id = {}) {
  UniqueFd peer = connect_raw(address);
  send_raw(peer, null_handshake(routing_id));
  // libzmq hangs up on messages that come before it has said READY itself.
  std::string heard(66, '\0');  // a greeting, and the head of a short frame
  if (recv(peer.get(), heard.data(), heard.size(), MSG_WAITALL) != 66) return {};
  heard.resize(static_cast<unsigned char>(heard.back()));
  const auto size = static_cast<ssize_t>(heard.size());
  if (recv(peer.get(), heard.data(), heard.size(), MSG_WAITALL) != size) return {};
  return peer;
}

}  // namespace landseer::test
