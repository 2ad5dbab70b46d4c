#include "common/net/key_pair.h"

#include <zmq.h>

#include <array>

namespace landseer::net {

Result<KeyPair> make_key_pair() {
  std::array<char, 41> public_key{};
  std::array<char, 41> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return fail(ErrorCode::kUnavailable, "this libzmq makes no keys: it is built without CURVE", "",
                "install Debian's libzmq5");
  }
  return KeyPair{public_key.data(), secret_key.data()};
}

}  // namespace landseer::net
