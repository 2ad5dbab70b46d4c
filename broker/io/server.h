/// The broker's loop, the only place with effects: wait, decode, hand to the core, store, sync,
/// send. One thread, besides the relay's and the builder's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/core/broker.h"
#include "broker/io/audit_log.h"
#include "broker/io/builder.h"
#include "broker/io/disk_guard.h"
#include "broker/io/fair_queue.h"
#include "broker/io/history.h"
#include "broker/io/key_ring.h"
#include "broker/io/load_guard.h"
#include "broker/io/options.h"
#include "broker/io/relay.h"
#include "broker/io/sessions.h"
#include "broker/io/state_folder.h"
#include "broker/io/store.h"
#include "broker/io/trace_file.h"
#include "common/base/time.h"
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
  /// The first three must outlive the server.
  Server(StateFolder& folder, Store& store, History& history, const Options& options);

  /// Reads the keys, if there are any, and makes sure that strangers are kept out. Then binds the
  /// three sockets, and serves the bulk port from then on; the result has the addresses with their
  /// real ports.
  Result<ServerAddresses> bind(const ServerAddresses& wanted);
  /// After bind: takes over what the store has. An error names the damaged place; nothing was
  /// changed.
  Result<void> recover();
  /// Serves until SIGINT or SIGTERM. An error means the store can no longer be trusted.
  Result<void> run(net::SignalWatch& signals);

  /// Null: there are none. Valid after bind.
  const KeyRing* keys() const { return keys_.get(); }

 private:
  Result<void> lock_doors();
  std::optional<Caller> caller_of(const net::PeerFrame& received, keys::Door door) const;
  void drop_revoked();
  void refuse_revoked(const std::string& peer);
  void refuse_worker(const std::string& peer, const Error& why);
  std::optional<Error> turn_away(net::Router& router, const net::PeerFrame& received,
                                 const Caller& caller);
  void receive_workers();
  void receive_clients();
  void take_from_client(const net::PeerFrame& received);
  void serve_clients();
  protocol::BlobData read_script(const protocol::GetBlob& request) const;
  void count_bad(net::Router& router, const net::PeerFrame& received, const Error& error);
  Result<void> start_trace();
  Result<void> flush(net::SignalWatch& signals);
  Result<void> keep_blobs();
  template <class Write>
  Result<void> until_there_is_space(Write&& write, net::SignalWatch& signals);
  Result<void> wait_for_space(const Error& full, net::SignalWatch& signals);
  void do_chores(const Now& now);
  void write_history(const Now& now);
  Duration time_to_wait(const Now& now) const;
  void send_mail();
  void write_audit();
  void sync_audit();
  void count_audit_error(const Error& error);
  void hand_out_builds();
  void take_built();

  StateFolder& folder_;
  Store& store_;
  History& history_;
  AuditLog audit_;
  DiskGuard disk_;
  Duration lease_;
  std::string trace_path_;
  std::uint64_t trace_bytes_;
  std::map<std::string, std::uint64_t> resources_;  // of all workers together
  std::string keys_folder_;
  std::size_t connections_per_key_;
  LoadGuard guard_;
  std::unique_ptr<KeyRing> keys_;
  net::Context context_;
  std::unique_ptr<net::Doorkeeper> doorkeeper_;
  net::Router workers_;
  net::Router clients_;
  Sessions worker_sessions_;
  Sessions client_sessions_;
  FairQueue<FromClientPeer> requests_;
  std::unique_ptr<Broker> core_;
  std::unique_ptr<Relay> relay_;      // serves the bulk port
  std::unique_ptr<TraceFile> trace_;  // null: none is written
  Outbox outbox_;
  std::uint64_t bad_frames_ = 0;
  std::uint64_t history_errors_ = 0;
  std::uint64_t audit_errors_ = 0;
  std::optional<Instant> history_due_;  // not before: it failed, or others are more urgent
  std::optional<Instant> audit_due_;    // lines are not synced yet
  bool took_built_ = false;             // since the last turn
  Builder builder_;
};

}  // namespace landseer::broker
