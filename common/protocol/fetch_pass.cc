#include "common/protocol/fetch_pass.h"

namespace landseer::protocol {
namespace {

constexpr std::size_t kTimeBytes = 8;

std::string text_of(std::int64_t unix_ms) {
  std::string text;
  for (std::size_t i = kTimeBytes; i-- > 0;) {
    text.push_back(static_cast<char>(static_cast<std::uint64_t>(unix_ms) >> (8 * i)));
  }
  return text;
}

std::int64_t time_of(std::string_view text) {
  std::uint64_t value = 0;
  for (const char byte : text.substr(0, kTimeBytes)) {
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return static_cast<std::int64_t>(value);
}

/// All parts but the last have a fixed length, so no two rights have the same text.
Digest sign(std::string_view secret, const FetchRight& right, std::string_view expires) {
  std::string text = "fetch";
  text.append(bytes_of(right.artifact)).append(expires).append(right.fetcher_key);
  return hmac_sha256(secret, text);
}

}  // namespace

std::string make_fetch_pass(std::string_view secret, const FetchRight& right, WallTime now) {
  const std::string expires = text_of(now.unix_ms + kFetchPassLifeMs);
  return expires + std::string(bytes_of(sign(secret, right, expires)));
}

bool is_good_fetch_pass(std::string_view secret, const FetchRight& right, std::string_view pass,
                        WallTime now) {
  if (secret.size() != kFetchSecretBytes || pass.size() != kTimeBytes + sizeof(Digest{}.bytes)) {
    return false;
  }
  const std::string_view expires = pass.substr(0, kTimeBytes);
  const Digest signature = sign(secret, right, expires);
  return is_equal_secret(bytes_of(signature), pass.substr(kTimeBytes)) &&
         now.unix_ms <= time_of(expires);
}

}  // namespace landseer::protocol
