/// New CURVE keys.
#pragma once

#include <string>

#include "common/base/result.h"

namespace landseer::net {

struct KeyPair {
  std::string public_key;  ///< 40 characters of Z85, as the secret one
  std::string secret_key;
};

/// kUnavailable when libzmq was built without CURVE.
Result<KeyPair> make_key_pair();

}  // namespace landseer::net
