/// The simulated network. Worker and client connections behave as ZeroMQ's: in order and complete
/// as long as a connection lives, anything may be lost with it, and the broker sees a peer with a
/// new connection as a stranger. On top of that, seeds may duplicate, reorder and replay messages,
/// which the protocol claims to stand.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/core/events.h"
#include "tests/simulation/world.h"

namespace landseer::simulation {

enum class Direction : std::uint8_t { kToBroker, kFromBroker };

class Network {
 public:
  explicit Network(World& world);

  /// False: refused, as a full queue or a missing connection does.
  bool worker_to_broker(std::uint32_t host, protocol::FromWorker message);
  bool broker_to_worker(broker::PeerId peer, protocol::ToWorker message);
  bool client_to_broker(std::uint32_t client, std::uint64_t number, protocol::FromClient message);
  bool broker_to_client(broker::PeerId peer, std::uint64_t number, protocol::ToClient message);

  /// The process at one end is new or gone: what was under way is lost.
  void broker_died();
  void broker_started();
  void agent_died(std::uint32_t host);
  void agent_started(std::uint32_t host);

  /// Nothing passes in this direction; what is sent waits for the end or, without `holds`, is lost.
  void cut(std::uint32_t host, Direction direction, Duration length, bool holds);
  /// Cuts the host off from the other workers, too.
  void isolate(std::uint32_t host, Duration length);
  void reset(std::uint32_t host);
  void lose(Duration length, double rate);
  void duplicate(Duration length, double rate);
  /// Everything passes again.
  void heal();

  /// Whether one worker can fetch from another now.
  bool data_passes(std::uint32_t from, std::uint32_t to) const;
  bool broker_reachable(std::uint32_t host) const;

 private:
  struct Lane {
    Instant last_arrival{};
    Instant cut_until{};
    bool holds = false;
  };
  struct Link {
    broker::PeerId peer{};
    bool up = false;
    Instant up_again{};
    Instant isolated_until{};
    std::array<Lane, 2> lanes;
  };

  struct Passage {
    bool lost = false;
    Instant arrival{};
    Instant again{};  ///< zero: only once
  };
  static constexpr std::uint32_t kFirstClient = 32;
  static constexpr std::uint32_t kEnds = 64;
  static std::uint32_t end_of(broker::PeerId peer) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(peer) % kEnds);
  }
  Link& link_of(broker::PeerId peer) { return links_[end_of(peer)]; }
  broker::PeerId new_peer(std::uint32_t end);
  bool is_up(const Link& link) const;
  Passage pass(std::uint32_t end, Direction direction);
  bool refuses();
  bool encodes() { return world_.kernel.random.chance(world_.plan.network.encoded); }
  void reconnect(std::uint32_t end);

  template <class Message>
  void arrive(std::uint32_t end, Direction direction, Message message);
  void deliver(std::uint32_t host, broker::PeerId peer, std::uint64_t life, bool replayed,
               protocol::FromWorker message);
  void deliver(std::uint32_t host, broker::PeerId peer, std::uint64_t life, bool replayed,
               protocol::ToWorker message);

  World& world_;
  std::array<Link, kEnds> links_;
  std::uint64_t next_peer_ = 1;
  broker::PeerId first_peer_{};  ///< of the broker that runs
  Instant loss_until_{};
  double loss_rate_ = 0;
  Instant duplicates_until_{};
  double duplicate_rate_ = 0;
};

}  // namespace landseer::simulation
