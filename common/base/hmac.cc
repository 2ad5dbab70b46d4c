#include "common/base/hmac.h"

#include <cstddef>
#include <string>

namespace landseer {
namespace {

constexpr std::size_t kBlockBytes = 64;  // of SHA-256

std::string pad(const Digest& key, char with) {
  std::string block(kBlockBytes, with);
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    block[i] = static_cast<char>(key.bytes[i] ^ static_cast<unsigned char>(with));
  }
  return block;
}

}  // namespace

Digest hmac(const Digest& key, std::string_view text) {
  const Digest inner = sha256(pad(key, 0x36).append(text));
  const std::string_view bytes(reinterpret_cast<const char*>(inner.bytes.data()),
                               inner.bytes.size());
  return sha256(pad(key, 0x5c).append(bytes));
}

bool is_equal_secret(std::string_view a, std::string_view b) {
  unsigned char difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0;
}

}  // namespace landseer
