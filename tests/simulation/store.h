/// The broker's disk: groups of records and parts of snapshots, of which a crash drops what was not
/// synced. A recovery begins at the newest complete snapshot, or, in half of the cases, at the
/// beginning, which must lead to the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/core/broker.h"
#include "tests/simulation/world.h"

namespace landseer::simulation {

class Store {
 public:
  explicit Store(World& world) : world_(world) {}

  void append(std::vector<broker::Record>& records, std::uint64_t fingerprint);
  void begin_snapshot();
  void add_part(std::string part, bool last);
  /// What was appended becomes durable, and known to the oracle.
  void sync();
  /// What was not synced is gone.
  void crash();
  bool wants_snapshot(bool active) const;

  /// Fills a new core. Throws a Violation when it refuses, or arrives at another state.
  void recover(broker::Broker& core, const Now& now, bool from_snapshot) const;

 private:
  struct Snapshot {
    std::size_t position = 0;  ///< records before it
    std::vector<std::string> parts;
    bool complete = false;
  };
  void load(broker::Broker& core, const Now& now) const;

  World& world_;
  std::vector<broker::Record> synced_;
  std::vector<broker::Record> appended_;
  std::uint64_t synced_fingerprint_ = 0;
  std::uint64_t appended_fingerprint_ = 0;
  Snapshot newest_;
  Snapshot open_;
  std::vector<std::string> appended_parts_;
  bool last_part_appended_ = false;
};

}  // namespace landseer::simulation
