#include "broker/core/tickets.h"

#include <array>
#include <cstddef>

namespace landseer::broker {
namespace {

constexpr std::size_t kBlockBytes = 64;  // of SHA-256
constexpr std::array<std::size_t, 4> kNumberBytes{8, 8, 4, 8};
constexpr std::size_t kGrantBytes = 8 + 8 + 4 + 8;

std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

std::string pad(const Digest& secret, char with) {
  std::string block(kBlockBytes, with);
  for (std::size_t i = 0; i < secret.bytes.size(); ++i) {
    block[i] = static_cast<char>(secret.bytes[i] ^ static_cast<unsigned char>(with));
  }
  return block;
}

/// HMAC, RFC 2104.
Digest sign(const Digest& secret, std::string_view text) {
  const Digest inner = sha256(pad(secret, 0x36).append(text));
  return sha256(pad(secret, 0x5c).append(view(inner)));
}

/// In a time that does not tell how much of it is right.
bool is_equal(std::string_view a, std::string_view b) {
  unsigned char difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0;
}

void put(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t take(std::string_view& from, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(from[i]);
  from.remove_prefix(bytes);
  return value;
}

}  // namespace

std::string make_ticket(const Digest& secret, const Grant& grant) {
  std::string ticket;
  put(ticket, grant.session, kNumberBytes[0]);
  put(ticket, number(grant.task), kNumberBytes[1]);
  put(ticket, grant.attempt, kNumberBytes[2]);
  put(ticket, static_cast<std::uint64_t>(grant.expires.nanoseconds), kNumberBytes[3]);
  return ticket.append(view(sign(secret, "ticket" + ticket)));
}

std::optional<Grant> read_ticket(const Digest& secret, std::string_view ticket, Instant now) {
  if (ticket.size() != kGrantBytes + Digest{}.bytes.size()) return std::nullopt;
  std::string_view text = ticket.substr(0, kGrantBytes);
  const Digest signature = sign(secret, "ticket" + std::string(text));
  if (!is_equal(view(signature), ticket.substr(kGrantBytes))) return std::nullopt;
  Grant grant;
  grant.session = take(text, kNumberBytes[0]);
  grant.task = TaskId{take(text, kNumberBytes[1])};
  grant.attempt = static_cast<std::uint32_t>(take(text, kNumberBytes[2]));
  grant.expires = Instant{static_cast<std::int64_t>(take(text, kNumberBytes[3]))};
  if (grant.expires < now) return std::nullopt;
  return grant;
}

Digest attach_key(const Digest& secret, std::uint64_t session) {
  return sign(secret, "worker" + std::to_string(session));
}

}  // namespace landseer::broker
