#include "tests/simulation/network.h"

#include "common/protocol/codec.h"
#include "tests/simulation/broker_host.h"
#include "tests/simulation/client.h"
#include "tests/simulation/worker_host.h"

namespace landseer::simulation {
namespace {

using namespace std::chrono_literals;
using broker::PeerId;

/// ZMQ_HEARTBEAT_TIMEOUT: a connection that carries nothing for so long is closed.
constexpr Duration kDeadConnection = 15s;

[[noreturn]] void fail_codec(const std::string& what) {
  throw Violation("codec: " + what + " does not come back from the wire as it was");
}

protocol::FromWorker through_codec(const protocol::FromWorker& message) {
  auto copy = protocol::decode_from_worker(protocol::encode(message));
  if (!copy || copy->message != message) fail_codec(protocol::describe(message));
  return std::move(copy->message);
}
protocol::ToWorker through_codec(const protocol::ToWorker& message) {
  auto copy = protocol::decode_to_worker(protocol::encode(message));
  if (!copy || copy->message != message) fail_codec(protocol::describe(message));
  return std::move(copy->message);
}
protocol::FromClient through_codec(const protocol::FromClient& message) {
  auto copy = protocol::decode_from_client(protocol::encode(message, 1));
  if (!copy || copy->message != message) fail_codec(protocol::describe(message));
  return std::move(copy->message);
}
protocol::ToClient through_codec(const protocol::ToClient& message) {
  auto copy = protocol::decode_to_client(protocol::encode(message, 1));
  if (!copy || copy->message != message) fail_codec(protocol::describe(message));
  return std::move(copy->message);
}

}  // namespace

Network::Network(World& world) : world_(world) {
  for (std::uint32_t end = 0; end < kEnds; ++end) links_[end].peer = new_peer(end);
}

PeerId Network::new_peer(std::uint32_t end) { return PeerId{next_peer_++ * kEnds + end}; }

bool Network::is_up(const Link& link) const {
  return link.up && world_.kernel.now() >= link.up_again;
}

bool Network::refuses() {
  return !world_.healed && world_.kernel.random.chance(world_.plan.network.full) &&
         ++world_.kernel.counters.refused_sends > 0;
}

/// When a message that is sent now arrives, if it does.
Network::Passage Network::pass(std::uint32_t end, Direction direction) {
  Kernel& kernel = world_.kernel;
  const NetworkRates& rates = world_.plan.network;
  Link& link = links_[end];
  Lane& lane = link.lanes[static_cast<std::size_t>(direction)];
  ++kernel.counters.messages;
  Passage passage;
  const double loss = kernel.now() < loss_until_ ? loss_rate_ : rates.loss;
  if (!world_.healed && kernel.random.chance(loss)) {
    ++kernel.counters.lost;
    passage.lost = true;
    if (end < kFirstClient) reconnect(end);
    return passage;
  }
  passage.arrival = kernel.now() + kernel.random.exponential(rates.delay_mean) + 50us;
  if (passage.arrival < lane.cut_until) {
    if (!lane.holds) {
      ++kernel.counters.lost;
      passage.lost = true;
      return passage;
    }
    passage.arrival = lane.cut_until;
  }
  const bool overtakes = rates.reorders && !world_.healed && kernel.random.chance(0.2);
  if (!overtakes) passage.arrival = std::max(passage.arrival, lane.last_arrival);
  lane.last_arrival = std::max(lane.last_arrival, passage.arrival);
  const double again = kernel.now() < duplicates_until_ ? duplicate_rate_ : rates.duplicate;
  if (!world_.healed && kernel.random.chance(again)) {
    ++kernel.counters.duplicated;
    const Duration later = kernel.random.chance(0.2)
                               ? world_.plan.lease * kernel.random.between(1, 3)
                               : rates.delay_mean;
    passage.again = passage.arrival + kernel.random.exponential(later);
  }
  return passage;
}

template <class Message>
void Network::arrive(std::uint32_t end, Direction direction, Message message) {
  Kernel& kernel = world_.kernel;
  const Passage passage = pass(end, direction);
  if (passage.lost) return;
  if (encodes()) {
    message = through_codec(message);
    ++kernel.counters.encoded;
  }
  const PeerId peer = links_[end].peer;
  const std::uint64_t life = world_.hosts[end]->life();
  if (passage.again != Instant{}) {
    kernel.at(passage.again, [this, end, peer, life, message]() mutable {
      deliver(end, peer, life, true, std::move(message));
    });
  }
  kernel.at(passage.arrival, [this, end, peer, life, message = std::move(message)]() mutable {
    deliver(end, peer, life, false, std::move(message));
  });
}

bool Network::worker_to_broker(std::uint32_t host, protocol::FromWorker message) {
  Link& link = links_[host];
  if (!is_up(link) || refuses()) return false;
  arrive(host, Direction::kToBroker, std::move(message));
  return true;
}

void Network::deliver(std::uint32_t host, PeerId peer, std::uint64_t life, bool replayed,
                      protocol::FromWorker message) {
  const bool stale = peer != links_[host].peer;
  if (stale && !replayed) return;  // gone with its connection
  // Neither a process that was replaced nor one over a connection to a broker that died can say
  // Hello again: those connections are closed.
  const bool is_hello = std::holds_alternative<protocol::Hello>(message);
  if (replayed && is_hello && (life != world_.hosts[host]->life() || peer < first_peer_)) return;
  if (!world_.healed && world_.kernel.random.chance(world_.plan.network.garbled)) {
    ++world_.kernel.counters.garbled;
    // As the shell does with a frame that it cannot read.
    static_cast<void>(broker_to_worker(peer, protocol::Rehello{}));
    return;
  }
  world_.broker->receive(host, broker::FromWorkerPeer{peer, std::move(message)}, replayed);
}

bool Network::broker_to_worker(PeerId peer, protocol::ToWorker message) {
  Link& link = link_of(peer);
  if (link.peer != peer || !is_up(link) || refuses()) return false;
  arrive(end_of(peer), Direction::kFromBroker, std::move(message));
  return true;
}

void Network::deliver(std::uint32_t host, PeerId peer, std::uint64_t life, bool replayed,
                      protocol::ToWorker message) {
  if (peer != links_[host].peer && !replayed) return;
  // Without a session in it, it could not be told from one for the process that is there now.
  if (life != world_.hosts[host]->life()) return;
  if (!world_.healed && world_.kernel.random.chance(world_.plan.network.garbled)) {
    ++world_.kernel.counters.garbled;
    world_.hosts[host]->receive_garbled();
    return;
  }
  world_.hosts[host]->receive(std::move(message));
}

bool Network::client_to_broker(std::uint32_t client, std::uint64_t number,
                               protocol::FromClient message) {
  const std::uint32_t end = kFirstClient + client;
  const Passage passage = pass(end, Direction::kToBroker);
  if (passage.lost) return true;
  if (encodes()) message = through_codec(message);
  const PeerId peer = links_[end].peer;
  for (const Instant at : {passage.arrival, passage.again}) {
    if (at == Instant{}) continue;
    world_.kernel.at(at, [this, client, peer, number, message]() mutable {
      world_.broker->receive(client, broker::FromClientPeer{peer, number, std::move(message)});
    });
  }
  return true;
}

bool Network::broker_to_client(PeerId peer, std::uint64_t number, protocol::ToClient message) {
  const std::uint32_t end = end_of(peer);
  if (links_[end].peer != peer) return false;
  const Passage passage = pass(end, Direction::kFromBroker);
  if (passage.lost) return true;
  if (encodes()) message = through_codec(message);
  world_.kernel.at(passage.arrival, [this, end, number, message = std::move(message)]() mutable {
    world_.clients[end - kFirstClient]->receive(number, std::move(message));
  });
  return true;
}

/// Whatever was under way in either direction is lost with the connection.
void Network::reconnect(std::uint32_t end) {
  Link& link = links_[end];
  link.peer = new_peer(end);
  for (Lane& lane : link.lanes) lane.last_arrival = Instant{};
  if (world_.plan.network.resets_are_seen) {
    link.up_again =
        std::max(link.up_again, world_.kernel.now() + world_.kernel.random.uniform(20ms, 99ms));
  }
}

void Network::reset(std::uint32_t host) { reconnect(host); }

void Network::broker_died() {
  for (std::uint32_t end = 0; end < kEnds; ++end) {
    reconnect(end);
    links_[end].up = false;
  }
}

void Network::broker_started() {
  first_peer_ = links_[0].peer;
  for (std::uint32_t end = 0; end < kEnds; ++end) {
    Link& link = links_[end];
    const bool has_process =
        end >= kFirstClient || end >= world_.hosts.size() || world_.hosts[end]->agent_runs();
    link.up = has_process;
    link.up_again = world_.kernel.now() + world_.kernel.random.uniform(20ms, 2s);
  }
}

void Network::agent_died(std::uint32_t host) {
  reconnect(host);
  links_[host].up = false;
}

void Network::agent_started(std::uint32_t host) {
  reconnect(host);
  links_[host].up = world_.broker->runs();
  links_[host].up_again = world_.kernel.now() + 1ms;
}

void Network::cut(std::uint32_t host, Direction direction, Duration length, bool holds) {
  Link& link = links_[host];
  Lane& lane = link.lanes[static_cast<std::size_t>(direction)];
  const Instant end = world_.kernel.now() + length;
  lane.cut_until = std::max(lane.cut_until, end);
  lane.holds = holds && length < kDeadConnection;
  if (lane.holds) return;
  world_.kernel.at(end, [this, host] { reconnect(host); });
  if (length >= kDeadConnection && world_.plan.network.resets_are_seen) {
    world_.kernel.after(kDeadConnection, [this, host, end] {
      reconnect(host);
      links_[host].up_again = std::max(links_[host].up_again, end);
    });
  }
}

void Network::isolate(std::uint32_t host, Duration length) {
  links_[host].isolated_until = std::max(links_[host].isolated_until, world_.kernel.now() + length);
}

void Network::lose(Duration length, double rate) {
  loss_until_ = world_.kernel.now() + length;
  loss_rate_ = rate;
}

void Network::duplicate(Duration length, double rate) {
  duplicates_until_ = world_.kernel.now() + length;
  duplicate_rate_ = rate;
}

void Network::heal() {
  for (std::uint32_t end = 0; end < kEnds; ++end) {
    Link& link = links_[end];
    const Instant now = world_.kernel.now();
    bool was_cut = false;
    for (Lane& lane : link.lanes) {
      was_cut = was_cut || lane.cut_until > now;
      lane.cut_until = std::min(lane.cut_until, now);
    }
    if (was_cut) reconnect(end);
    link.up_again = std::min(link.up_again, now + 99ms);
    link.isolated_until = Instant{};
  }
}

bool Network::data_passes(std::uint32_t from, std::uint32_t to) const {
  const Instant now = world_.kernel.now();
  return links_[from].isolated_until <= now && links_[to].isolated_until <= now;
}

bool Network::broker_reachable(std::uint32_t host) const {
  const Instant now = world_.kernel.now();
  const Link& link = links_[host];
  return world_.broker->runs() && link.lanes[0].cut_until <= now && link.lanes[1].cut_until <= now;
}

}  // namespace landseer::simulation
