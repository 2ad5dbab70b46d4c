/// Decides who gets through the handshake of the secured sockets of one context: a ZAP handler
/// (RFC 27 of the ZeroMQ project), in a thread of its own. Start it before such a socket is bound.
/// When it is gone nobody new gets in.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "common/base/result.h"
#include "common/net/cancel.h"
#include "common/net/socket.h"

namespace landseer::net {

class Doorkeeper {
 public:
  /// The user that messages over this connection will be of; empty: keep it out. `key` is the
  /// public key, as 40 characters of Z85. Called by the doorkeeper's thread.
  using Judge =
      std::function<std::optional<std::string>(const std::string& door, const std::string& key)>;

  /// kConflict when the context has one. Must not outlive the context.
  static Result<std::unique_ptr<Doorkeeper>> start(const Context& context, Judge judge);
  ~Doorkeeper();
  Doorkeeper(const Doorkeeper&) = delete;
  Doorkeeper& operator=(const Doorkeeper&) = delete;

 private:
  class Handler;
  explicit Doorkeeper(Judge judge);
  void serve();
  void answer();

  Judge judge_;
  std::unique_ptr<Handler> handler_;
  Cancel stop_;
  std::thread thread_;
};

}  // namespace landseer::net
