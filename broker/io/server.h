/// The broker's loop, the only place with effects: wait, decode, hand to the core, store, sync,
/// send. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/core/broker.h"
#include "broker/io/sessions.h"
#include "broker/io/state_folder.h"
#include "broker/io/store.h"
#include "common/net/signals.h"
#include "common/net/socket.h"

namespace landseer::broker {

struct ServerAddresses {
  std::string workers;
  std::string clients;
  std::string bulk;
};

class Server {
 public:
  /// `folder` and `store` must outlive the server.
  Server(StateFolder& folder, Store& store, Duration lease);

  /// Binds the three sockets; the result has the addresses with their real ports.
  Result<ServerAddresses> bind(const ServerAddresses& wanted);
  /// After bind: takes over what the store has. An error names the damaged place; nothing was
  /// changed.
  Result<void> recover();
  /// Serves until SIGINT or SIGTERM. An error means the store can no longer be trusted.
  Result<void> run(net::SignalWatch& signals);

 private:
  void receive_workers();
  void receive_clients();
  void serve_bulk();
  void count_bad(const char* port, const Error& error);
  Result<void> flush();
  Result<void> store_turn();
  void send_mail();

  StateFolder& folder_;
  Store& store_;
  Duration lease_;
  net::Context context_;
  net::Router workers_;
  net::Router clients_;
  net::Router bulk_;
  Sessions worker_sessions_;
  Sessions client_sessions_;
  std::unique_ptr<Broker> core_;
  Outbox outbox_;
  std::uint64_t bad_frames_ = 0;
};

}  // namespace landseer::broker
