#include "broker/core/tickets.h"

#include <array>
#include <cstddef>
#include <cstring>

namespace landseer::broker {
namespace {

constexpr std::array<std::size_t, 4> kNumberBytes{8, 8, 4, 8};
constexpr std::size_t kDigestBytes = sizeof(Digest{}.bytes);
constexpr std::size_t kGrantBytes = 8 + 8 + 4 + 8 + kDigestBytes;

Digest sign(const Digest& secret, std::string_view text) {
  return hmac_sha256(bytes_of(secret), text);
}

/// Hides what was signed, or shows it again: a stream of bytes that follows from the signature,
/// which is another one for another text.
void hide(const Digest& secret, std::string_view signature, std::string& text) {
  std::string mask;
  for (int block = 0; mask.size() < text.size(); ++block) {
    mask += bytes_of(sign(secret, "hide" + std::to_string(block) + std::string(signature)));
  }
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(text[i] ^ mask[i]);
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
  ticket.append(bytes_of(grant.artifact));
  const Digest signature = sign(secret, "ticket" + ticket);
  hide(secret, bytes_of(signature), ticket);
  return ticket.append(bytes_of(signature));
}

std::optional<Grant> read_ticket(const Digest& secret, std::string_view ticket, Instant now) {
  if (ticket.size() != kGrantBytes + kDigestBytes) return std::nullopt;
  const std::string_view signature = ticket.substr(kGrantBytes);
  std::string shown(ticket.substr(0, kGrantBytes));
  hide(secret, signature, shown);
  if (!is_equal_secret(bytes_of(sign(secret, "ticket" + shown)), signature)) return std::nullopt;
  std::string_view text = shown;
  Grant grant;
  grant.session = take(text, kNumberBytes[0]);
  grant.task = TaskId{take(text, kNumberBytes[1])};
  grant.attempt = static_cast<std::uint32_t>(take(text, kNumberBytes[2]));
  grant.expires = Instant{static_cast<std::int64_t>(take(text, kNumberBytes[3]))};
  std::memcpy(grant.artifact.bytes.data(), text.data(), kDigestBytes);
  if (grant.expires < now) return std::nullopt;
  return grant;
}

Digest attach_key(const Digest& secret, std::uint64_t session) {
  return sign(secret, "worker" + std::to_string(session));
}

}  // namespace landseer::broker
