/// Where the broker is, so that on one host or a shared home nobody types an address.
#pragma once

#include <string>

#include "common/base/result.h"

namespace landseer::client {

inline constexpr const char* kDefaultAddress = "tcp://127.0.0.1:7711";

/// The first of: `given` (from --broker), the variable LANDSEER_BROKER, `clients_address` of the
/// rendezvous file, kDefaultAddress. `HOST:PORT` is completed to `tcp://HOST:PORT`. kInvalid for a
/// rendezvous file that cannot be understood.
Result<std::string> resolve_address(const std::string& given);

/// Whether anything but the default says where a broker is.
bool is_address_known(const std::string& given);

}  // namespace landseer::client
