/// The broker's machine: the real core in the shell of broker/io/server.cc, with a store that
/// forgets what was not synced when the process dies. Each restart is a new Broker that replays.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "broker/core/broker.h"
#include "tests/simulation/store.h"
#include "tests/simulation/world.h"

namespace landseer::simulation {

/// Where in its turn the broker dies.
enum class CrashPoint : std::uint8_t {
  kNow,
  kBeforeAppend,
  kBeforeSync,
  kAfterSync,
  kWhileSending,
};

class BrokerHost {
 public:
  BrokerHost(World& world, std::int64_t drift_ppm);

  void start();
  /// Dies at this point of a turn that has records, or after a while without one; comes back after
  /// `down`.
  void crash(CrashPoint point, Duration down);
  /// As SIGSTOP and SIGCONT.
  void pause(Duration length);
  void jump_wall(std::int64_t milliseconds) { clock_.jump(milliseconds); }
  void heal();

  void receive(std::uint32_t host, broker::FromWorkerPeer event, bool replayed);
  void receive(std::uint32_t client, broker::FromClientPeer event);

  bool runs() const { return core_ != nullptr; }
  const broker::Broker& core() const { return *core_; }
  bool has_blob(const Digest& blob) const { return blobs_.contains(blob); }
  Now now() const { return clock_.now(world_.kernel.now()); }
  /// Replays the store into another core and compares: O(everything).
  void check_replay();

 private:
  void die();
  void wake_at(Instant when);
  void turn();
  bool flush();
  void store_turn();
  bool send_mail(bool may_die);
  bool dies_at(CrashPoint point);
  bool observe(const broker::FromWorkerPeer& event);
  void check_hits(std::size_t first) const;
  void check_stale(std::uint32_t host, std::size_t records, std::size_t mail) const;
  std::unique_ptr<broker::Broker> recovered(bool is_traced);
  void check_step();
  void hand_out_builds();
  void take_built();

  World& world_;
  Store store_;
  Clock clock_;
  std::set<Digest> blobs_;
  std::uint64_t epoch_ = 0;
  std::unique_ptr<broker::Broker> core_;
  std::uint64_t life_ = 0;
  broker::Outbox outbox_;
  std::vector<std::pair<std::uint32_t, broker::Event>> inbox_;
  std::map<std::uint64_t, broker::BuildRequest> builds_;  ///< under way, by number
  std::deque<broker::Arrival> built_;
  Instant paused_until_{};
  Instant wake_{};  ///< zero: no turn is scheduled
  std::uint64_t wakes_ = 0;
  std::optional<CrashPoint> armed_;
  Duration down_{};
  Digest digest_before_;  ///< of the state that the store has
  std::uint64_t turns_ = 0;
};

}  // namespace landseer::simulation
