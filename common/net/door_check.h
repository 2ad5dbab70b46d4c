/// A test that programs make of themselves when they start: are strangers kept out?
#pragma once

#include "common/base/result.h"
#include "common/net/socket.h"

namespace landseer::net {

/// Binds a socket with these keys for a moment, on this machine only, and knocks: with a new key,
/// without any, and with a password. kNotAllowed if one of them gets in, kUnavailable if one gets
/// no answer: either way the program must not serve.
Result<void> check_door(const Context& context, const ServerKeys& keys,
                        const std::string& server_public_key);

}  // namespace landseer::net
