#include "broker/io/relay.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "broker/core/tickets.h"
#include "common/net/clock.h"
#include "common/net/door_check.h"
#include "common/protocol/codec.h"

namespace landseer::broker {
namespace {

/// Messages taken before the next look at the clock and the stop signal.
constexpr int kBatch = 256;

/// A peer that does not read keeps at most its window of pieces in our memory, twice over; so may a
/// worker that sends what nobody waits for.
constexpr net::SocketOptions kOptions{.frame_bytes_max = 2 * protocol::kBlobChunkBytesMax,
                                      .send_queue = 2 * protocol::kStreamWindowMax,
                                      .receive_queue = 4 * protocol::kStreamWindowMax,
                                      .linger = {}};

/// Where the number of a frame stands, if it is written with nine bytes: as those of the relay are.
/// Everything behind it passes through unread.
constexpr std::size_t kNumberAt = 3;
constexpr std::size_t kNumberBytes = 8;

std::optional<std::uint64_t> relayed_number(std::string_view frame) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(frame[i]); };
  if (frame.size() <= kNumberAt + kNumberBytes || byte(0) != 0x93 || byte(1) >= 0x80 ||
      byte(2) != 0xcf) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < kNumberBytes; ++i) number = number << 8 | byte(kNumberAt + i);
  if (number < protocol::kRelayedNumberMin) return std::nullopt;
  return number;
}

void write_number(char* frame, std::uint64_t number) {
  for (std::size_t i = kNumberBytes; i-- > 0; number >>= 8) {
    frame[kNumberAt + i] = static_cast<char>(number);
  }
}

}  // namespace

Result<std::unique_ptr<Relay>> Relay::start(const std::string& address, const Digest& secret,
                                            Blobs blobs, const RelayLimits& limits, KeyRing* keys) {
  std::unique_ptr<Relay> relay(new Relay(secret, std::move(blobs), limits, keys));
  if (auto opened = relay->open(address); !opened) return tl::make_unexpected(opened.error());
  // Starting and joining the thread are the fences under which libzmq lets a socket change hands.
  relay->thread_ = std::thread([raw = relay.get()] { raw->serve(); });
  return relay;
}

Relay::Relay(const Digest& secret, Blobs blobs, const RelayLimits& limits, KeyRing* keys)
    : secret_(secret),
      blobs_(std::move(blobs)),
      book_(limits),
      keys_(keys),
      router_(context_, kOptions),
      guard_(limits.memory) {}

Result<void> Relay::open(const std::string& address) {
  if (keys_ != nullptr) {
    auto keeper = net::Doorkeeper::start(context_, keys_->judge());
    if (!keeper) return tl::make_unexpected(keeper.error());
    doorkeeper_ = std::move(*keeper);
    const net::ServerKeys own = keys_->keys_of(keys::Door::kBulk);
    if (auto good = check_door(context_, own, keys_->public_key()); !good) return good;
    if (auto secured = router_.secure(own); !secured) return secured;
  }
  auto bound = router_.bind(address);
  if (!bound) return tl::make_unexpected(bound.error());
  address_ = std::move(*bound);
  return {};
}

/// What a ticket says decides for most; without one, what is asked is for workers.
bool Relay::may_ask(const std::string& key, const protocol::BulkRequest& request) const {
  if (keys_ == nullptr) return true;
  const auto caller = keys_->find(key, keys::Door::kBulk);
  if (!caller) return false;
  const auto* blob = std::get_if<protocol::GetBlob>(&request);
  const bool for_workers = std::holds_alternative<protocol::Attach>(request) ||
                           (blob != nullptr && blob->ticket.empty());
  return !for_workers || caller->role == keys::Role::kWorker;
}

Relay::~Relay() {
  stop_.request();
  if (thread_.joinable()) thread_.join();
}

void Relay::serve() {
  std::array<net::PollItem, 2> items;
  items[0].socket = &router_;
  items[1].fd = stop_.fd();
  while (!stop_.requested()) {
    const auto deadline = book_.next_deadline();
    const Instant now = net::now().instant;
    const Duration look = guard_.until_next(now);
    net::poll(items, deadline ? std::clamp(*deadline - now, Duration::zero(), look) : look);
    look_at_connections();
    for (int i = 0; i < kBatch; ++i) {
      auto message = router_.receive_message();
      if (!message) break;
      take(std::move(*message));
    }
    for (const RelayedRequest& late : book_.expire(net::now().instant)) {
      refuse(late.client, late.client_number, ErrorCode::kUnavailable,
             late.frame.empty() ? "the worker does not answer" : "the worker does not connect",
             "see `landseer workers`");
    }
  }
}

/// Also those whose key was taken back. Nothing is said on this port for that: the other ports do.
void Relay::look_at_connections() {
  const Instant now = net::now().instant;
  net::Connections& connections = router_.connections();
  if (keys_ != nullptr && keys_version_ != keys_->version()) {
    keys_version_ = keys_->version();
    const auto is_good = [&](const std::string& key) {
      return keys_->find(key, keys::Door::kBulk).has_value();
    };
    for (const std::string& peer : connections.find_unless(is_good)) {
      connections.end_later(peer, now);
    }
    connections.end_due(now);
    connections.end_silent();
  }
  guard_.look(now, &connections);
}

/// Of its key; or there are few files left and this is a new one.
bool Relay::has_too_many(const net::PeerMessage& message) {
  if (!message.first) return false;
  return guard_.files_are_short() ||
         router_.connections().has_more_than(book_.limits().connections_per_key, message.user);
}

void Relay::take(net::PeerMessage message) {
  if (has_too_many(message)) {
    router_.connections().end_later(message.peer, net::now().instant);
    return dropped_one("one connection too many");
  }
  if (const auto number = relayed_number(message.frame.bytes())) {
    const auto request = book_.answer(message.peer, *number);
    if (!request) return dropped_one("an answer that nobody waits for");
    write_number(message.frame.data(), request->client_number);
    if (!router_.send(request->client, message.frame)) ++undelivered_;
    return;
  }
  auto decoded = protocol::decode_bulk_request(message.frame.bytes());
  if (!decoded || decoded->number >= protocol::kRelayedNumberMin) {
    router_.connections().malformed(message.peer, net::now().instant);
    return dropped_one(decoded ? "a number of the broker" : decoded.error().message);
  }
  if (!may_ask(message.user, decoded->message)) {
    return refuse(message.peer, decoded->number, ErrorCode::kNotAllowed,
                  "the broker does not allow this to your key, or not any more", "");
  }
  std::visit([&](auto& what) { on(message.peer, decoded->number, std::move(what)); },
             decoded->message);
}

void Relay::on(const std::string& peer, std::uint64_t number, protocol::GetBlob request) {
  if (request.ticket.empty()) return send(peer, blobs_(request), number);
  const std::string ticket = std::exchange(request.ticket, {});
  pass_on(peer, number, ticket, std::move(request), Duration{});
}

void Relay::on(const std::string& peer, std::uint64_t number, protocol::GetLog request) {
  const auto wait =
      std::min<Duration>(std::chrono::milliseconds(request.wait_ms), book_.limits().wait);
  request.wait_ms = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(wait).count());
  const std::string ticket = std::exchange(request.ticket, {});
  pass_on(peer, number, ticket, std::move(request), wait);
}

void Relay::on(const std::string& peer, std::uint64_t, protocol::Attach attach) {
  // Its key may be of an earlier start: then it hears from the new one.
  if (attach.key != attach_key(secret_, attach.session)) return dropped_one("a wrong key");
  for (const std::uint64_t number : book_.attach(attach.session, peer)) forward(number);
}

template <class Request>
void Relay::pass_on(const std::string& client, std::uint64_t client_number,
                    const std::string& ticket, Request request, Duration wait) {
  const Instant now = net::now().instant;
  const auto grant = read_ticket(secret_, ticket, now);
  constexpr bool kIsLog = std::is_same_v<Request, protocol::GetLog>;
  if (!grant || (number(grant->task) != 0) != kIsLog) {
    return refuse(client, client_number, ErrorCode::kNotAllowed,
                  "the ticket is not valid here, or not any more", "ask for another one");
  }
  if (auto why = book_.refuse(client)) {
    return refuse(client, client_number, ErrorCode::kLimit, std::move(*why), "ask again later");
  }
  if constexpr (kIsLog) {
    request.task = grant->task;
    request.attempt = grant->attempt;
  } else {
    request.artifact = grant->artifact;
  }
  const std::uint64_t number = book_.next_number();
  const bool attached = book_.worker_of(grant->session) != nullptr;
  book_.add(number, {client, client_number, grant->session,
                     protocol::encode(protocol::BulkRequest(std::move(request)), number),
                     wait + book_.limits().reply, now + book_.limits().attach});
  if (attached) forward(number);
}

/// Its worker can be asked now.
void Relay::forward(std::uint64_t number) {
  auto request = book_.take(number);
  if (!request) return;
  const std::string* worker = book_.worker_of(request->session);
  const std::uint64_t session = request->session;
  const bool sent = worker != nullptr && router_.send(*worker, request->frame);
  if (sent) request->frame.clear();
  request->deadline = net::now().instant + request->patience;
  book_.add(number, std::move(*request));
  if (!sent) lost(session);
}

/// The worker's connection is gone, or it does not read. If it is alive it says Attach again.
void Relay::lost(std::uint64_t session) {
  for (const std::uint64_t number : book_.detach(session)) {
    const auto request = book_.take(number);
    refuse(request->client, request->client_number, ErrorCode::kUnavailable,
           "the worker's connection is gone", "see `landseer workers`");
  }
}

void Relay::refuse(const std::string& client, std::uint64_t number, ErrorCode code,
                   std::string message, std::string hint) {
  send(client, protocol::StreamError{code, std::move(message), std::move(hint)}, number);
}

void Relay::send(const std::string& peer, const protocol::BulkReply& reply, std::uint64_t number) {
  // A peer that does not read its answers asks again or goes away; nothing is lost.
  if (!router_.send(peer, protocol::encode(reply, number))) ++undelivered_;
}

void Relay::dropped_one(const std::string& why) {
  const std::uint64_t count = ++malformed_;
  // Powers of two: a flood of rubbish must not become a flood of log lines.
  if ((count & (count - 1)) == 0) {
    spdlog::warn("dropped a frame on the bulk port, {} so far: {}", count, why);
  }
}

}  // namespace landseer::broker
