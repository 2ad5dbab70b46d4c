/// A worker as the broker sees one, without anything behind it: many of them are played by one
/// thread. Nothing is fetched or run; a result is sent when the workload says so.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/net/socket.h"
#include "common/protocol/worker_messages.h"

namespace landseer::bench {

class SimulatedWorker {
 public:
  using OnAssign = std::function<void(SimulatedWorker&, const protocol::Assign&)>;

  SimulatedWorker(const net::Context& context, const std::string& address,
                  const std::optional<net::ClientKeys>& keys, protocol::Hello offer,
                  OnAssign on_assign);

  /// Says Hello where it is due, and handles what has come.
  void turn();
  bool is_welcome() const { return session_ != 0; }
  void send_heartbeat(std::uint64_t number);
  /// All of them succeeded, without an artifact.
  void send_results(const std::vector<protocol::AttemptRef>& attempts);

  const net::Dealer& socket() const { return dealer_; }
  std::uint64_t answered() const { return answered_; }  ///< the newest heartbeat's number

 private:
  void send(const protocol::FromWorker& message);
  void say_hello();
  void take(const protocol::ToWorker& message);

  net::Dealer dealer_;
  protocol::Hello offer_;
  OnAssign on_assign_;
  std::uint64_t session_ = 0;
  std::uint64_t answered_ = 0;
  bool said_hello_ = false;
};

/// What a worker of `keys_folder` proves itself with; empty: there are no keys.
std::optional<net::ClientKeys> worker_keys(const std::string& keys_folder);

}  // namespace landseer::bench
