/// What opens the dashboard: tickets in one-time links, made by `landseer dashboard`, and sessions,
/// made by the gateway for whoever shows a ticket. Both are texts signed with the dashboard's key,
/// so that neither side has to remember them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/digest.h"

namespace landseer::config {

enum class TokenKind : char { kTicket = 't', kSession = 's' };

struct DashboardToken {
  TokenKind kind = TokenKind::kTicket;
  bool may_act = false;         ///< else only look
  std::int64_t expires_at = 0;  ///< Unix milliseconds
  std::string nonce;            ///< hex, new for each token: by it a ticket is known to be spent
};

/// `audience` must be the same when it is read: of a ticket the gateway's instance, so that what
/// was spent in an earlier one is worth nothing in the next.
std::string sign_token(const Digest& key, const DashboardToken& token, std::string_view audience);

/// Empty unless it is a token of this kind, signed with this key for this audience, and not
/// expired.
std::optional<DashboardToken> read_token(const Digest& key, std::string_view text, TokenKind kind,
                                         std::string_view audience, std::int64_t now_ms);

}  // namespace landseer::config
