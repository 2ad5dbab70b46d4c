#include "broker/io/server.h"

#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <array>
#include <span>
#include <vector>

#include "broker/io/recover.h"
#include "common/base/check.h"
#include "common/net/clock.h"
#include "common/net/library_check.h"
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

/// Messages taken from one socket before the others and the timers get their turn; and for so long,
/// if they are large. Peers of one socket take turns in libzmq already.
constexpr int kDrainMax = 1024;
constexpr Duration kDrainFor = std::chrono::milliseconds(5);
/// Waiting for their turn. Four chunks of a submission are under way at most, and a few submissions
/// of one key.
constexpr FairLimits kRequestsMax{
    .each_items = 64, .each_bytes = 32 * 1024 * 1024, .bytes = 256 * 1024 * 1024};
constexpr std::uint32_t kBusyRetryMs = 100;
constexpr std::uint32_t kShortOfRoomRetryMs = 2000;
/// Spent on clients before workers get their turn again.
constexpr Duration kServeMax = std::chrono::milliseconds(20);
/// Looks at tasks in one slice of a search for known results: some milliseconds.
constexpr std::uint64_t kHitLooksMax = 8192;
constexpr Duration kSpaceRetry = std::chrono::seconds(1);

Digest random_secret() {
  Digest secret;
  CHECK(getrandom(secret.bytes.data(), secret.bytes.size(), 0) ==
            static_cast<ssize_t>(secret.bytes.size()),
        "the kernel has random numbers");
  return secret;
}

}  // namespace

Server::Server(StateFolder& folder, Store& store, History& history, const Options& options)
    : folder_(folder),
      store_(store),
      history_(history),
      audit_(folder.path()),
      disk_(folder.path(), options.disk_min),
      lease_(options.lease),
      trace_path_(options.trace_file),
      trace_bytes_(options.trace_bytes),
      resources_(options.resources),
      keys_folder_(options.keys_folder),
      connections_per_key_(options.connections_per_key),
      guard_(options.memory_limit),
      workers_(context_),
      clients_(context_),
      requests_(kRequestsMax) {}

Result<ServerAddresses> Server::bind(const ServerAddresses& wanted) {
  if (auto good = net::check_library(); !good) return tl::make_unexpected(good.error());
  if (auto locked = lock_doors(); !locked) return tl::make_unexpected(locked.error());
  ServerAddresses bound;
  for (const auto& [socket, address, result] :
       {std::tuple{&workers_, &wanted.workers, &bound.workers},
        std::tuple{&clients_, &wanted.clients, &bound.clients}}) {
    auto real = socket->bind(*address);
    if (!real) return tl::make_unexpected(real.error());
    *result = *real;
  }
  const Digest secret = random_secret();
  RelayLimits limits;
  limits.connections_per_key = connections_per_key_;
  limits.memory = guard_.memory_limit();
  auto relay = Relay::start(
      wanted.bulk, secret, [this](const auto& request) { return read_script(request); }, limits,
      keys_.get());
  if (!relay) return tl::make_unexpected(relay.error());
  relay_ = std::move(*relay);
  bound.bulk = relay_->address();
  Settings settings;
  settings.secret = secret;
  settings.epoch = folder_.epoch();
  settings.seed = folder_.epoch();
  settings.lease = lease_;
  settings.keeps_history = true;
  settings.shared_resources = resources_;
  settings.bulk_address = bound.bulk;
  settings.built_inline_bytes_max = protocol::kBuiltAtOnceBytesMax;
  settings.hit_looks_max = kHitLooksMax;
  core_ = std::make_unique<Broker>(settings);
  if (auto started = start_trace(); !started) return tl::make_unexpected(started.error());
  return bound;
}

Result<void> Server::start_trace() {
  if (trace_path_.empty()) return {};
  auto opened = TraceFile::open(trace_path_, trace_bytes_);
  if (!opened) return tl::make_unexpected(opened.error());
  trace_ = std::move(*opened);
  core_->trace_to([this](const TraceStep& step) { trace_->add(step); });
  return {};
}

Result<void> Server::recover() {
  const auto recovery = broker::recover(store_, *core_, net::now());
  if (!recovery) return tl::make_unexpected(recovery.error());
  for (const std::string& warning : recovery->warnings) spdlog::warn("the store: {}", warning);
  if (auto compared = history_.compare(*core_); !compared) return compared;
  std::set<Digest> scripts;
  for (const auto& [id, record] : core_->state().pipelines.all()) {
    scripts.insert(record->key_context.model_script);
  }
  folder_.remove_blobs_but(scripts);
  disk_.make_reserve();
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
  std::vector<net::PollItem> items{{&workers_}, {&clients_}, {nullptr, signals.fd()}};
  const std::size_t keys_item = items.size();
  if (keys_) items.push_back({nullptr, keys_->fd()});
  const std::size_t builder_item = items.size();
  items.push_back({nullptr, builder_.fd()});
  for (;;) {
    // What was built waits, without a word, until there is room for it.
    const std::size_t polled = builder_item + (core_->has_room_for_built() ? 1 : 0);
    net::poll(std::span(items).first(polled), time_to_wait(net::now()));
    if (keys_ && items[keys_item].readable) drop_revoked();
    if (const int signal = signals.take(); signal != 0) {
      spdlog::info("signal {}: stopping; workers go on until their lease ends", signal);
      sync_audit();
      return {};
    }
    guard_.look(net::now().instant, &workers_.connections(), &clients_.connections());
    if (const auto space = disk_.look(net::now())) {
      if (space->low) spdlog::warn("{} MiB are free: no new pipelines", space->free_bytes >> 20);
      core_->handle(*space, net::now(), outbox_);
    }
    receive_workers();
    receive_clients();
    take_built();
    core_->settle(net::now(), outbox_);
    if (trace_) trace_->flush();
    if (auto flushed = flush(signals); !flushed) return flushed;
    do_chores(net::now());
  }
}

Duration Server::time_to_wait(const Now& now) const {
  const bool is_waited_for = !requests_.empty();
  if (is_waited_for || core_->snapshot_active() || store_.has_rubbish()) return Duration::zero();
  auto deadline = core_->next_deadline(now);
  for (const auto& chore : {history_due_, audit_due_}) {
    if (chore) deadline = deadline ? std::min(*deadline, *chore) : chore;
  }
  // Connections may come, and libzmq may take in what they send, without a message for us.
  const Duration look = guard_.until_next(now.instant);
  return deadline ? std::clamp(*deadline - now.instant, Duration::zero(), look) : look;
}

void Server::receive_workers() {
  const Instant until = net::now().instant + kDrainFor;
  for (int i = 0; i < kDrainMax && net::now().instant < until; ++i) {
    const auto received = workers_.receive();
    if (!received) return;
    const auto caller = caller_of(*received, keys::Door::kWorkers);
    if (!caller) {
      refuse_revoked(received->peer);
      continue;
    }
    if (const auto why = turn_away(workers_, *received, *caller)) {
      // A worker that is refused ends. It should not when there is no room for a moment only.
      if (why->code != ErrorCode::kBusy) refuse_worker(received->peer, *why);
      continue;
    }
    auto decoded = protocol::decode_from_worker(received->frame);
    if (!decoded) {
      count_bad(workers_, *received, decoded.error());
      // If it is a worker, something it said is lost: Hello settles what.
      static_cast<void>(
          workers_.send(received->peer, protocol::encode(protocol::ToWorker(protocol::Rehello{}))));
      continue;
    }
    spdlog::trace("worker: {}", [&] { return protocol::describe(decoded->message); }());
    core_->handle(FromWorkerPeer{worker_sessions_.number_of(received->peer, received->user),
                                 std::move(decoded->message), *caller},
                  net::now(), outbox_);
  }
}

void Server::receive_clients() {
  const Instant until = net::now().instant + kDrainFor;
  for (int i = 0; i < kDrainMax && net::now().instant < until; ++i) {
    const auto received = clients_.receive();
    if (!received) break;
    take_from_client(*received);
  }
  serve_clients();
}

void Server::take_from_client(const net::PeerFrame& received) {
  auto decoded = protocol::decode_from_client(received.frame);
  const auto answer = [&](const protocol::ErrorReply& why) {
    const std::uint64_t number = decoded ? decoded->number : 0;
    static_cast<void>(
        clients_.send(received.peer, protocol::encode(protocol::ToClient(why), number)));
  };
  const auto caller = caller_of(received, keys::Door::kClients);
  if (!caller) {
    clients_.connections().end_later(received.peer,
                                     net::now().instant + net::Connections::kFarewell);
    return answer({ErrorCode::kNotAllowed, "the broker accepts this key no more", "key",
                   "ask for another one"});
  }
  if (!decoded) {
    if (clients_.connections().ends_soon(received.peer)) return;
    count_bad(clients_, received, decoded.error());
    // A client of a later version should hear why, not wait for nothing.
    return answer({decoded.error().code, decoded.error().message, "message", decoded.error().hint});
  }
  if (const auto why = turn_away(clients_, received, *caller)) {
    const std::uint32_t retry_ms = why->code == ErrorCode::kBusy ? kShortOfRoomRetryMs : 0;
    return answer({why->code, why->message, why->where, why->hint, retry_ms});
  }
  if (guard_.memory_is_short() && std::holds_alternative<protocol::SubmitChunk>(decoded->message)) {
    return answer({ErrorCode::kBusy, "the broker is short of memory and takes no submissions now",
                   "broker", "ask again later; see --memory-limit of landseer-broker",
                   kShortOfRoomRetryMs});
  }
  // Without keys, a connection is a caller.
  const std::string& who = caller->name.empty() ? received.peer : caller->name;
  if (!requests_.push(who,
                      {client_sessions_.number_of(received.peer, received.user), decoded->number,
                       std::move(decoded->message), *caller},
                      received.frame.size())) {
    answer({ErrorCode::kBusy, "too many requests are under way", "broker",
            "ask again a little later", kBusyRetryMs});
  }
}

/// The rest waits for the next turn, in which workers and other clients are heard first.
void Server::serve_clients() {
  const Instant until = net::now().instant + kServeMax;
  while (auto request = requests_.pop()) {
    const Now now = net::now();
    // Its key may have been taken back while it waited.
    if (client_sessions_.routing_id(request->peer) != nullptr)
      core_->handle(*request, now, outbox_);
    if (now.instant > until) return;
  }
}

/// Called by the relay's thread: the folder may be read by any.
protocol::BlobData Server::read_script(const protocol::GetBlob& request) const {
  protocol::BlobData reply;
  reply.blob = request.blob;
  reply.offset = request.offset;
  const std::size_t limit = std::min<std::size_t>(request.limit, protocol::kBlobChunkBytesMax);
  if (auto bytes = folder_.read_blob(request.blob, request.offset, limit, reply.size)) {
    reply.found = true;
    reply.data = std::move(*bytes);
  }
  return reply;
}

/// The order is the promise: blobs and records are durable before anyone hears of them.
Result<void> Server::flush(net::SignalWatch& signals) {
  auto kept = until_there_is_space([this] { return keep_blobs(); }, signals);
  if (!kept) return kept;
  if (!outbox_.records.empty()) {
    auto appended = store_.append({outbox_.records, core_->fingerprint()});
    if (!appended) return appended;
  }
  if (core_->snapshot_active()) {
    std::string part = core_->next_snapshot_part();
    store_.add_part(std::move(part), !core_->snapshot_active());
  }
  auto synced = until_there_is_space([this] { return store_.sync(); }, signals);
  if (!synced) return synced;
  for (const Digest& blob : outbox_.unneeded_blobs) folder_.remove_blob(blob);
  if (store_.wants_snapshot()) {
    core_->begin_snapshot();
    store_.begin_snapshot(core_->fingerprint());
  }
  if (!outbox_.empty()) {
    hand_out_builds();
    write_audit();
    send_mail();
  }
  return {};
}

Result<void> Server::keep_blobs() {
  for (const Blob& blob : outbox_.blobs) {
    if (auto kept = folder_.keep_blob(blob.digest, blob.bytes); !kept) return kept;
  }
  return {};
}

template <class Write>
Result<void> Server::until_there_is_space(Write&& write, net::SignalWatch& signals) {
  for (;;) {
    auto written = write();
    if (written || written.error().code != ErrorCode::kLimit) return written;
    if (disk_.give_reserve()) {
      spdlog::warn("the disk is full: going on with the reserve");
      continue;
    }
    if (auto waited = wait_for_space(written.error(), signals); !waited) return waited;
  }
}

/// Nobody is answered meanwhile, so nobody is told what is not stored. Workers go on until their
/// lease ends.
Result<void> Server::wait_for_space(const Error& full, net::SignalWatch& signals) {
  spdlog::error("{}; waiting for space, nothing is lost", full.message);
  std::array<net::PollItem, 1> items{{{nullptr, signals.fd()}}};
  net::poll(items, kSpaceRetry);
  guard_.look(net::now().instant, &workers_.connections(), &clients_.connections());
  if (signals.take() == 0) return {};
  return fail(ErrorCode::kIo, "stopped while the disk was full", folder_.path(),
              "what was not stored was not acknowledged either; free some space and start again");
}

void Server::send_mail() {
  for (const std::string& notice : outbox_.notices) spdlog::warn("{}", notice);
  const auto to_workers = std::move(outbox_.to_workers);
  const auto to_clients = std::move(outbox_.to_clients);
  outbox_.clear();
  for (const WorkerMail& mail : to_workers) {
    const std::string* peer = worker_sessions_.routing_id(mail.peer);
    if (peer == nullptr || !workers_.send(*peer, protocol::encode(mail.message))) {
      spdlog::debug("a worker's connection is gone or full");
      if (peer != nullptr) workers_.connections().end_later(*peer, net::now().instant);
      core_->handle(WorkerUnreachable{mail.peer}, net::now(), outbox_);
    } else if (std::holds_alternative<protocol::Refused>(mail.message)) {
      workers_.connections().end_later(*peer, net::now().instant + net::Connections::kFarewell);
    }
  }
  for (const ClientMail& mail : to_clients) {
    const std::string* peer = client_sessions_.routing_id(mail.peer);
    if (peer == nullptr || !clients_.send(*peer, protocol::encode(mail.message, mail.number))) {
      spdlog::debug("a client did not wait for its answer, or does not read");
      if (peer != nullptr) clients_.connections().end_later(*peer, net::now().instant);
    }
  }
}

}  // namespace landseer::broker
