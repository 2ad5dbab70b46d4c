#include "common/config/dashboard_token.h"

#include <charconv>
#include <vector>

#include "common/base/digest.h"

namespace landseer::config {
namespace {

constexpr std::size_t kTokenBytesMax = 256;
constexpr std::size_t kParts = 5;  // kind, right, expiry, nonce, signature

std::string body_of(const DashboardToken& token) {
  return std::string(1, static_cast<char>(token.kind)) + "." + (token.may_act ? "1" : "0") + "." +
         std::to_string(token.expires_at) + "." + token.nonce;
}

Digest signature_of(const Digest& key, std::string_view body, std::string_view audience) {
  return hmac_sha256(bytes_of(key), "dashboard " + std::string(audience) + " " + std::string(body));
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    parts.push_back(text.substr(0, dot));
    text.remove_prefix(dot + 1);
  }
  parts.push_back(text);
  return parts;
}

}  // namespace

std::string sign_token(const Digest& key, const DashboardToken& token, std::string_view audience) {
  const std::string body = body_of(token);
  return body + "." + signature_of(key, body, audience).hex();
}

std::optional<DashboardToken> read_token(const Digest& key, std::string_view text, TokenKind kind,
                                         std::string_view audience, std::int64_t now_ms) {
  if (text.size() > kTokenBytesMax) return std::nullopt;
  const auto parts = split(text);
  if (parts.size() != kParts) return std::nullopt;
  const std::string_view body = text.substr(0, text.size() - parts[4].size() - 1);
  if (!is_equal_secret(signature_of(key, body, audience).hex(), parts[4])) return std::nullopt;
  DashboardToken token;
  token.kind = kind;
  token.may_act = parts[1] == "1";
  std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), token.expires_at);
  token.nonce = parts[3];
  if (body != body_of(token) || token.expires_at < now_ms) return std::nullopt;
  return token;
}

}  // namespace landseer::config
