/// SHA-256 digests: the names of artifacts and task keys. Text form is 64 lower-case hex digits, as
/// `sha256sum` prints them.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace landseer {

/// 32 bytes; all zero means "none".
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
  bool empty() const {
    std::array<std::uint64_t, 4> words;
    std::memcpy(words.data(), bytes.data(), sizeof words);
    return (words[0] | words[1] | words[2] | words[3]) == 0;
  }
  std::string hex() const;
  static std::optional<Digest> from_hex(std::string_view text);
};

/// Incremental SHA-256 (OpenSSL). One object, one digest; not copyable.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void update(std::string_view data);
  /// Ends the object's life as a hasher: call once.
  Digest finish();

 private:
  void* context_;
};

Digest sha256(std::string_view data);

/// HMAC with SHA-256, RFC 2104. `secret` has at most 64 bytes.
Digest hmac_sha256(std::string_view secret, std::string_view text);

/// In a time that does not tell how much of it is right.
bool is_equal_secret(std::string_view a, std::string_view b);

/// The 32 bytes.
std::string_view bytes_of(const Digest& digest);

}  // namespace landseer

template <>
struct std::hash<landseer::Digest> {
  std::size_t operator()(const landseer::Digest& digest) const noexcept {
    std::size_t value = 0;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
  }
};
