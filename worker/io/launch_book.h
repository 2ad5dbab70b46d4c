/// Which attempts the executor was told to start and has not said to be over, and what becomes of
/// them when the connection to it breaks. A value without effects; belongs to the agent's thread.
#pragma once

#include <set>
#include <span>
#include <vector>

#include "worker/core/effects.h"
#include "worker/io/executor_messages.h"

namespace landseer::worker {

class LaunchBook {
 public:
  void launched(const AttemptKey& key) { launched_.insert(key); }
  void ended(const AttemptKey& key);
  /// What was launched so far is in doubt until the next executor says what runs.
  void connection_lost();
  /// Takes what runs from the first inventory of a connection; returns the attempts that were
  /// launched over an earlier one and never came to run. Those launched over this connection may be
  /// younger than the inventory, which says nothing about them.
  std::vector<AttemptKey> settle(std::span<const Launched> running);

 private:
  std::set<AttemptKey> launched_;  ///< over this connection, or confirmed over it
  std::set<AttemptKey> in_doubt_;  ///< over an earlier one
};

}  // namespace landseer::worker
