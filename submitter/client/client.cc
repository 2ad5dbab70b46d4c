#include "submitter/client/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/config/key_folder.h"
#include "common/net/clock.h"
#include "landseer_version.h"
#include "submitter/client/address.h"

namespace landseer::client {
namespace {

// A Dealer cannot be polled for "may send": while the connection is being made, try again this
// often. Short beside a TCP connect, long beside the cost of one attempt.
constexpr Duration kSendRetry = std::chrono::milliseconds(2);

Error to_error(const protocol::ErrorReply& reply) {
  return {reply.code, reply.message, reply.where, reply.hint};
}

}  // namespace

Client::Client(ClientOptions options) : options_(std::move(options)) {}

Result<protocol::ClientWelcome> Client::connect() {
  if (dealer_ && welcome_) return *welcome_;
  auto address = resolve_address(options_.broker);
  if (!address) return tl::make_unexpected(address.error());
  address_ = *address;
  disconnect();
  if (auto opened = open_dealer(); !opened) {
    disconnect();
    return tl::make_unexpected(opened.error());
  }
  auto reply =
      exchange(protocol::ClientHello{.program_version = kProgramVersion}, options_.limits.connect);
  if (!reply) {
    disconnect();
    return tl::make_unexpected(reply.error());
  }
  const auto* welcome = std::get_if<protocol::ClientWelcome>(&*reply);
  if (welcome == nullptr) {
    disconnect();
    return fail(ErrorCode::kVersion, "what answers is not a broker's port for clients", address_,
                "use the broker's --clients-bind address (7711 by default)");
  }
  welcome_ = *welcome;
  return *welcome;
}

Result<void> Client::open_dealer() {
  const auto key =
      config::find_key(options_.keys, config::kClientKeyFile, address_, net::is_loopback(address_));
  if (!key) return tl::make_unexpected(key.error());
  keys_.reset();
  key_name_.clear();
  dealer_ = std::make_unique<net::Dealer>(context_);
  loss_ = std::make_unique<net::LossWatch>(context_, *dealer_);
  if (*key) {
    keys_ = net::ClientKeys{(*key)->broker_key, (*key)->public_key, (*key)->secret_key};
    key_name_ = (*key)->name;
    if (auto secured = dealer_->secure(*keys_); !secured) return secured;
  }
  return dealer_->connect(address_);
}

Result<protocol::ToClient> Client::request(const protocol::FromClient& message) {
  return request(message, options_.limits.reply);
}

Result<protocol::ToClient> Client::request(const protocol::FromClient& message, Duration limit) {
  if (auto connected = connect(); !connected) return tl::make_unexpected(connected.error());
  return exchange(message, limit);
}

Result<protocol::ToClient> Client::exchange(const protocol::FromClient& message, Duration limit) {
  const Instant deadline = net::now().instant + limit;
  auto number = send(message, deadline);
  while (true) {
    if (!number) return tl::make_unexpected(number.error());
    auto received = receive(deadline);
    if (!received) return tl::make_unexpected(received.error());
    if (!*received) {  // every request means the same when it is made twice
      number = send(message, deadline);
      continue;
    }
    auto& envelope = **received;
    const auto* error = std::get_if<protocol::ErrorReply>(&envelope.message);
    // Number 0 answers a frame whose number the broker could not read. Others are late replies to
    // requests that were given up.
    if (envelope.number != *number && !(envelope.number == 0 && error != nullptr)) continue;
    if (error == nullptr) return std::move(envelope.message);
    const Duration rest = std::chrono::milliseconds(error->retry_ms);
    if (error->code != ErrorCode::kBusy || net::now().instant + rest > deadline) {
      return tl::make_unexpected(to_error(*error));
    }
    if (auto rested = pause(rest); !rested) return tl::make_unexpected(rested.error());
    number = send(message, deadline);
  }
}

Result<std::uint64_t> Client::send(const protocol::FromClient& message, Instant deadline) {
  const std::uint64_t number = ++last_number_;
  const std::string frame = protocol::encode(message, number);
  while (!dealer_->send(frame)) {
    static_cast<void>(loss_->take());  // nothing was sent that could be lost
    if (auto away = turned_away()) return tl::make_unexpected(*away);
    const Duration left = deadline - net::now().instant;
    if (left <= Duration::zero()) return tl::make_unexpected(unreachable("cannot reach a broker"));
    if (auto paused = pause(std::min(left, kSendRetry)); !paused) {
      return tl::make_unexpected(paused.error());
    }
  }
  if (options_.trace) options_.trace("sent " + protocol::describe(message));
  return number;
}

Result<std::optional<protocol::Envelope<protocol::ToClient>>> Client::receive(Instant deadline) {
  while (true) {
    if (auto frame = dealer_->receive()) {
      auto envelope = protocol::decode_to_client(*frame);
      if (!envelope) {
        return fail(ErrorCode::kVersion,
                    "the broker's reply cannot be read: " + envelope.error().message, address_,
                    "compare `landseer --version` with the broker's");
      }
      if (options_.trace) options_.trace("received " + protocol::describe(envelope->message));
      return std::optional(std::move(*envelope));
    }
    if (loss_->take()) return std::nullopt;
    if (auto away = turned_away()) return tl::make_unexpected(*away);
    const Duration left = deadline - net::now().instant;
    if (left <= Duration::zero()) {
      return tl::make_unexpected(unreachable("no answer from the broker"));
    }
    const std::array<net::PollItem, 2> items{{{dealer_.get()}, {loss_.get()}}};
    if (auto waited = wait_for(items, left); !waited) return tl::make_unexpected(waited.error());
  }
}

Result<void> Client::wait_for(std::span<const net::PollItem> items, Duration limit) {
  std::vector<net::PollItem> polled(items.begin(), items.end());
  if (options_.signals != nullptr) polled.push_back({nullptr, options_.signals->fd()});
  if (options_.cancel != nullptr) polled.push_back({nullptr, options_.cancel->fd()});
  net::poll(polled, limit);
  if (options_.cancel != nullptr && options_.cancel->requested()) {
    return fail(ErrorCode::kUnavailable, "interrupted");
  }
  if (options_.signals == nullptr) return {};
  if (const int signal = options_.signals->take(); signal != 0) {
    interrupted_by_ = signal;
    return fail(ErrorCode::kUnavailable, "interrupted");
  }
  return {};
}

Result<void> Client::pause(Duration duration) { return wait_for({}, duration); }

void Client::disconnect() {
  loss_.reset();
  dealer_.reset();
  welcome_.reset();
}

/// There is a broker, and it does not let us in: waiting would not help.
std::optional<Error> Client::turned_away() {
  const net::Refusal refusal = loss_->refusal();
  if (refusal == net::Refusal::kNone) return std::nullopt;
  disconnect();
  if (refusal == net::Refusal::kKey) {
    return Error{
        ErrorCode::kNotAllowed, "the broker does not accept the key '" + key_name_ + "'", address_,
        "was it taken back? `landseer keys list` on the broker's host shows those it knows"};
  }
  if (!keys_)
    return config::missing_key(config::keys_folder(options_.keys), config::kClientKeyFile,
                               address_);
  return Error{ErrorCode::kNotAllowed,
               "the broker has no keys, and there is one here, '" + key_name_ + "'", address_,
               "is it the right broker? Name the folder with its keys with --keys"};
}

Error Client::unreachable(const std::string& what) {
  disconnect();
  // A broker hangs up without a word on those who think that it is another one, and most times on
  // those without a key.
  const std::string key =
      keys_ ? "; if it runs, its key is another than the one that '" + key_name_ + "' is for"
            : "; if it runs, it may want a key: `landseer keys add` on its host makes one";
  return {ErrorCode::kUnavailable, what, address_,
          "start one with `landseer up`, or name it with --broker tcp://HOST:PORT" + key};
}

}  // namespace landseer::client
