/// Message authentication with SHA-256 (HMAC, RFC 2104): who has the key can tell that a text was
/// signed by somebody else who has it.
#pragma once

#include <string_view>

#include "common/base/digest.h"

namespace landseer {

Digest hmac(const Digest& key, std::string_view text);

/// In a time that does not tell how much of it is right.
bool is_equal_secret(std::string_view a, std::string_view b);

}  // namespace landseer
