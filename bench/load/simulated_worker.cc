#include "bench/load/simulated_worker.h"

#include "bench/load/cluster.h"
#include "common/config/key_folder.h"
#include "common/net/clock.h"
#include "common/protocol/codec.h"

namespace landseer::bench {

SimulatedWorker::SimulatedWorker(const net::Context& context, const std::string& address,
                                 const std::optional<net::ClientKeys>& keys, protocol::Hello offer,
                                 OnAssign on_assign)
    : dealer_(context), offer_(std::move(offer)), on_assign_(std::move(on_assign)) {
  if (keys) {
    if (auto secured = dealer_.secure(*keys); !secured) die(secured.error().to_string());
  }
  if (auto connected = dealer_.connect(address); !connected) die(connected.error().to_string());
}

void SimulatedWorker::turn() {
  if (!said_hello_) say_hello();
  while (const auto frame = dealer_.receive()) {
    const auto decoded = protocol::decode_to_worker(*frame);
    if (!decoded) die("a message of the broker: " + decoded.error().to_string());
    take(decoded->message);
  }
}

void SimulatedWorker::take(const protocol::ToWorker& message) {
  if (const auto* assign = std::get_if<protocol::Assign>(&message)) {
    on_assign_(*this, *assign);
  } else if (const auto* reply = std::get_if<protocol::HeartbeatReply>(&message)) {
    answered_ = reply->number;
  } else if (const auto* welcome = std::get_if<protocol::Welcome>(&message)) {
    session_ = welcome->session;
  } else if (std::holds_alternative<protocol::Rehello>(message)) {
    say_hello();
  } else if (const auto* refused = std::get_if<protocol::Refused>(&message)) {
    die(offer_.name + " is refused: " + refused->message);
  }
}

/// Before the connection is there nothing can be sent: it is said again in the next turn.
void SimulatedWorker::say_hello() {
  said_hello_ = dealer_.send(protocol::encode(protocol::FromWorker(offer_)));
}

void SimulatedWorker::send(const protocol::FromWorker& message) {
  if (!dealer_.send(protocol::encode(message))) die(offer_.name + " cannot send");
}

void SimulatedWorker::send_heartbeat(std::uint64_t number) {
  send(protocol::Heartbeat{session_, number});
}

void SimulatedWorker::send_results(const std::vector<protocol::AttemptRef>& attempts) {
  protocol::Results message{session_, {}};
  for (const auto& attempt : attempts) {
    protocol::AttemptResult result;
    result.epoch = attempt.epoch;
    result.task = attempt.task;
    result.attempt = attempt.attempt;
    result.outcome = protocol::Outcome::kSucceeded;
    result.started_at = result.finished_at = net::now().wall.unix_ms;
    message.results.push_back(std::move(result));
  }
  send(message);
}

std::optional<net::ClientKeys> worker_keys(const std::string& keys_folder) {
  if (!config::has_key_file(keys_folder, config::kWorkerKeyFile)) return std::nullopt;
  const auto key = config::read_key(keys_folder, config::kWorkerKeyFile);
  if (!key) die(key.error().to_string());
  return net::ClientKeys{key->broker_key, key->public_key, key->secret_key};
}

}  // namespace landseer::bench
