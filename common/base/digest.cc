#include "common/base/digest.h"

#include <openssl/evp.h>

#include "common/base/check.h"

namespace landseer {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// Looked up once: OpenSSL 3 takes longer to find an algorithm than to hash a task's key.
const EVP_MD* algorithm() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CHECK(found != nullptr, "OpenSSL knows SHA-256");
  return found;
}

}  // namespace

std::string Digest::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(64);
  for (std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

std::optional<Digest> Digest::from_hex(std::string_view text) {
  if (text.size() != 64) return std::nullopt;
  Digest digest;
  for (std::size_t i = 0; i < 32; ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

Hasher::Hasher() : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr, "OpenSSL gives a digest context");
  CHECK(EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), algorithm(), nullptr) == 1,
        "OpenSSL knows SHA-256");
}

Hasher::~Hasher() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

void Hasher::update(std::string_view data) {
  CHECK(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), data.data(), data.size()) == 1,
        "hashing memory cannot fail");
}

Digest Hasher::finish() {
  Digest digest;
  CHECK(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), digest.bytes.data(), nullptr) == 1,
        "finish is called once");
  return digest;
}

Digest sha256(std::string_view data) {
  Digest digest;
  CHECK(
      EVP_Digest(data.data(), data.size(), digest.bytes.data(), nullptr, algorithm(), nullptr) == 1,
      "hashing memory cannot fail");
  return digest;
}

Digest hmac_sha256(std::string_view secret, std::string_view text) {
  constexpr std::size_t kBlockBytes = 64;  // of SHA-256
  CHECK(secret.size() <= kBlockBytes, "longer ones would have to be hashed first");
  const auto pad = [&](unsigned char with) {
    std::string block(kBlockBytes, static_cast<char>(with));
    for (std::size_t i = 0; i < secret.size(); ++i) {
      block[i] = static_cast<char>(static_cast<unsigned char>(secret[i]) ^ with);
    }
    return block;
  };
  const Digest inner = sha256(pad(0x36).append(text));
  return sha256(pad(0x5c).append(bytes_of(inner)));
}

bool is_equal_secret(std::string_view a, std::string_view b) {
  unsigned char difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0;
}

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

}  // namespace landseer
