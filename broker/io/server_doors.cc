/// Who gets in at the broker's ports, and who has to go.
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include "broker/io/server.h"
#include "common/net/clock.h"
#include "common/net/door_check.h"
#include "common/protocol/codec.h"

namespace landseer::broker {

/// Nobody may knock before somebody looks who it is.
Result<void> Server::lock_doors() {
  if (keys_folder_.empty()) {
    spdlog::info("no keys: whoever is on this machine may use this broker; `landseer keys init`");
    return {};
  }
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);  // the secret key would be in it
  auto ring = KeyRing::open(keys_folder_);
  if (!ring) return tl::make_unexpected(ring.error());
  keys_ = std::move(*ring);
  auto keeper = net::Doorkeeper::start(context_, keys_->judge());
  if (!keeper) return tl::make_unexpected(keeper.error());
  doorkeeper_ = std::move(*keeper);
  for (const auto& [socket, door] :
       {std::pair{&workers_, keys::Door::kWorkers}, std::pair{&clients_, keys::Door::kClients}}) {
    const net::ServerKeys own = keys_->keys_of(door);
    if (auto good = check_door(context_, own, keys_->public_key()); !good) return good;
    if (auto secured = socket->secure(own); !secured) return secured;
  }
  return {};
}

std::optional<Caller> Server::caller_of(const net::PeerFrame& received, keys::Door door) const {
  return keys_ ? keys_->find(received.user, door) : local_caller();
}

/// Workers hear why. Who never said anything is not known by his key, so all of those end; whoever
/// has a good one connects again.
void Server::drop_revoked() {
  keys_->clear();
  const auto opens = [&](keys::Door door) {
    return [this, door](const std::string& key) { return keys_->find(key, door).has_value(); };
  };
  client_sessions_.forget_unless(opens(keys::Door::kClients));
  for (const PeerId peer : worker_sessions_.forget_unless(opens(keys::Door::kWorkers))) {
    core_->handle(WorkerUnreachable{peer}, net::now(), outbox_);
  }
  const Instant end = net::now().instant + net::Connections::kFarewell;
  for (const std::string& peer : workers_.connections().find_unless(opens(keys::Door::kWorkers))) {
    refuse_revoked(peer);
  }
  for (const std::string& peer : clients_.connections().find_unless(opens(keys::Door::kClients))) {
    clients_.connections().end_later(peer, end);
  }
  workers_.connections().end_silent();
  clients_.connections().end_silent();
}

void Server::refuse_worker(const std::string& peer, const Error& why) {
  const protocol::Refused refused{why.code, why.message, why.hint};
  static_cast<void>(workers_.send(peer, protocol::encode(protocol::ToWorker(refused))));
  workers_.connections().end_later(peer, net::now().instant + net::Connections::kFarewell);
}

void Server::refuse_revoked(const std::string& peer) {
  refuse_worker(peer, {ErrorCode::kNotAllowed, "the broker accepts its key no more", "",
                       "`landseer keys list` on the broker's host shows whose it accepts"});
}

void Server::count_bad(net::Router& router, const net::PeerFrame& received, const Error& error) {
  const char* const port = &router == &workers_ ? "workers" : "clients";
  ++bad_frames_;
  // Powers of two: a flood of rubbish must not become a flood of log lines.
  if ((bad_frames_ & (bad_frames_ - 1)) == 0) {
    spdlog::warn("dropped a frame on the {} port, {} so far: {}", port, bad_frames_, error.message);
  }
  if (!router.connections().malformed(received.peer, net::now().instant)) return;
  const auto door = &router == &workers_ ? keys::Door::kWorkers : keys::Door::kClients;
  const auto caller = caller_of(received, door);
  spdlog::warn("ended a connection{} on the {} port: {} malformed frames within a minute",
               caller && !caller->name.empty() ? " of the key '" + caller->name + "'" : "", port,
               net::Connections::kMalformedMax);
}

/// A new connection: has its key enough of them, or the process too few files? kBusy: there may be
/// room when it is made again.
std::optional<Error> Server::turn_away(net::Router& router, const net::PeerFrame& received,
                                       const Caller& caller) {
  net::Connections& connections = router.connections();
  const Instant now = net::now().instant;
  if (guard_.files_are_short() && received.first) connections.end_later(received.peer, now);
  if (connections.ends_soon(received.peer)) {
    return Error{ErrorCode::kBusy, "the broker has too many connections", "broker",
                 "try again later; its host may allow it more files"};
  }
  if (!received.first || !connections.has_more_than(connections_per_key_, received.user)) return {};
  connections.end_later(received.peer, now + net::Connections::kFarewell);
  return Error{ErrorCode::kLimit,
               "the key '" + caller.name + "' has " + std::to_string(connections_per_key_) +
                   " connections, which is what one key may have",
               caller.name,
               "end some, or use a key of its own; see --connections-per-key of landseer-broker"};
}

}  // namespace landseer::broker
