#include "broker/io/server.h"

#include <spdlog/spdlog.h>

#include <array>

#include "broker/io/recover.h"
#include "common/net/clock.h"
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

/// Messages taken from one socket before the others and the timers get their turn.
constexpr int kDrainMax = 1024;

}  // namespace

Server::Server(StateFolder& folder, Store& store, Duration lease)
    : folder_(folder),
      store_(store),
      lease_(lease),
      workers_(context_),
      clients_(context_),
      bulk_(context_) {}

Result<ServerAddresses> Server::bind(const ServerAddresses& wanted) {
  ServerAddresses bound;
  for (const auto& [socket, address, result] :
       {std::tuple{&workers_, &wanted.workers, &bound.workers},
        std::tuple{&clients_, &wanted.clients, &bound.clients},
        std::tuple{&bulk_, &wanted.bulk, &bound.bulk}}) {
    auto real = socket->bind(*address);
    if (!real) return tl::make_unexpected(real.error());
    *result = *real;
  }
  Settings settings;
  settings.epoch = folder_.epoch();
  settings.seed = folder_.epoch();
  settings.lease = lease_;
  settings.bulk_address = bound.bulk;
  core_ = std::make_unique<Broker>(settings);
  return bound;
}

Result<void> Server::recover() {
  const auto recovery = broker::recover(store_, *core_, net::now());
  if (!recovery) return tl::make_unexpected(recovery.error());
  for (const std::string& warning : recovery->warnings) spdlog::warn("the store: {}", warning);
  if (store_.position() > 0) {
    spdlog::info("recovered {} pipelines, {} of them unfinished, from {} groups of records{}",
                 core_->state().pipelines.all().size(), core_->state().pipelines.active().size(),
                 recovery->groups,
                 recovery->snapshot != 0
                     ? " after the snapshot at position " + std::to_string(recovery->snapshot)
                     : "");
  }
  return {};
}

Result<void> Server::run(net::SignalWatch& signals) {
  std::array<net::PollItem, 4> items{{{&workers_}, {&clients_}, {&bulk_}, {nullptr, signals.fd()}}};
  for (;;) {
    const auto deadline = core_->next_deadline(net::now());
    Duration wait =
        deadline ? std::max(*deadline - net::now().instant, Duration::zero()) : Duration(-1);
    if (core_->snapshot_active() || store_.has_rubbish()) wait = Duration::zero();
    net::poll(items, wait);
    if (const int signal = signals.take(); signal != 0) {
      spdlog::info("signal {}: stopping; workers go on until their lease ends", signal);
      return {};
    }
    receive_workers();
    receive_clients();
    serve_bulk();
    core_->settle(net::now(), outbox_);
    if (auto flushed = flush(); !flushed) return flushed;
  }
}

void Server::receive_workers() {
  for (int i = 0; i < kDrainMax; ++i) {
    const auto received = workers_.receive();
    if (!received) return;
    auto decoded = protocol::decode_from_worker(received->frame);
    if (!decoded) {
      count_bad("workers", decoded.error());
      // If it is a worker, something it said is lost: Hello settles what.
      static_cast<void>(
          workers_.send(received->peer, protocol::encode(protocol::ToWorker(protocol::Rehello{}))));
      continue;
    }
    spdlog::trace("worker: {}", [&] { return protocol::describe(decoded->message); }());
    core_->handle(
        FromWorkerPeer{worker_sessions_.number_of(received->peer), std::move(decoded->message)},
        net::now(), outbox_);
  }
}

void Server::receive_clients() {
  for (int i = 0; i < kDrainMax; ++i) {
    const auto received = clients_.receive();
    if (!received) return;
    auto decoded = protocol::decode_from_client(received->frame);
    if (!decoded) {
      count_bad("clients", decoded.error());
      // A client of a later version should hear why, not wait for nothing.
      const protocol::ErrorReply why{decoded.error().code, decoded.error().message, "message",
                                     decoded.error().hint};
      static_cast<void>(clients_.send(received->peer, protocol::encode(protocol::ToClient(why))));
      continue;
    }
    core_->handle(FromClientPeer{client_sessions_.number_of(received->peer), decoded->number,
                                 std::move(decoded->message)},
                  net::now(), outbox_);
  }
}

void Server::serve_bulk() {
  for (int i = 0; i < kDrainMax; ++i) {
    const auto received = bulk_.receive();
    if (!received) return;
    const auto decoded = protocol::decode_bulk_request(received->frame);
    if (!decoded) {
      count_bad("bulk", decoded.error());
      continue;
    }
    const auto& request = std::get<protocol::GetBlob>(decoded->message);
    protocol::BlobData reply;
    reply.blob = request.blob;
    reply.offset = request.offset;
    const std::size_t limit = std::min<std::size_t>(request.limit, protocol::kBlobChunkBytesMax);
    if (auto bytes = folder_.read_blob(request.blob, request.offset, limit, reply.size)) {
      reply.found = true;
      reply.data = std::move(*bytes);
    }
    // A peer that does not read its answers asks again or goes away; nothing is lost.
    static_cast<void>(
        bulk_.send(received->peer, protocol::encode(protocol::BulkReply(reply), decoded->number)));
  }
}

void Server::count_bad(const char* port, const Error& error) {
  ++bad_frames_;
  // Powers of two: a flood of rubbish must not become a flood of log lines.
  if ((bad_frames_ & (bad_frames_ - 1)) == 0) {
    spdlog::warn("dropped a frame on the {} port, {} so far: {}", port, bad_frames_, error.message);
  }
}

/// The order is the promise: blobs and records are durable before anyone hears of them.
Result<void> Server::flush() {
  if (auto stored = store_turn(); !stored) return stored;
  if (!outbox_.empty()) send_mail();
  return {};
}

Result<void> Server::store_turn() {
  for (const Blob& blob : outbox_.blobs) {
    if (auto kept = folder_.keep_blob(blob.digest, blob.bytes); !kept) return kept;
  }
  if (!outbox_.records.empty()) {
    auto appended = store_.append({outbox_.records, core_->fingerprint()});
    if (!appended) return appended;
  }
  if (core_->snapshot_active()) {
    std::string part = core_->next_snapshot_part();
    store_.add_part(std::move(part), !core_->snapshot_active());
  }
  if (auto synced = store_.sync(); !synced) return synced;
  if (store_.wants_snapshot()) {
    core_->begin_snapshot();
    store_.begin_snapshot(core_->fingerprint());
  }
  return {};
}

void Server::send_mail() {
  const auto to_workers = std::move(outbox_.to_workers);
  const auto to_clients = std::move(outbox_.to_clients);
  outbox_.clear();
  for (const WorkerMail& mail : to_workers) {
    const std::string* peer = worker_sessions_.routing_id(mail.peer);
    if (peer == nullptr || !workers_.send(*peer, protocol::encode(mail.message))) {
      spdlog::debug("a worker's connection is gone or full");
      core_->handle(WorkerUnreachable{mail.peer}, net::now(), outbox_);
    }
  }
  for (const ClientMail& mail : to_clients) {
    const std::string* peer = client_sessions_.routing_id(mail.peer);
    if (peer == nullptr || !clients_.send(*peer, protocol::encode(mail.message, mail.number))) {
      spdlog::debug("a client did not wait for its answer");
    }
  }
}

}  // namespace landseer::broker
