/// Numbers for connections: libzmq's routing ids stay in here, and the keys they came with.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/events.h"

namespace landseer::broker {

/// Remembers the most recently heard connections; an older one that speaks again gets a new number
/// and is, to the core, a stranger.
class Sessions {
 public:
  /// A connection that comes with another key is another one, whatever its routing id.
  PeerId number_of(const std::string& routing_id, const std::string& key = {});
  /// Null for a number that was forgotten.
  const std::string* routing_id(PeerId peer) const;

  /// Forgets those whose key is not good, and returns their numbers.
  std::vector<PeerId> forget_unless(const std::function<bool(const std::string& key)>& is_good);

  static constexpr std::size_t kPeersMax = 20'000;

 private:
  struct Peer {
    PeerId number{};
    std::list<std::string>::iterator age;
    std::string key{};
  };
  using Peers = std::unordered_map<std::string, Peer>;
  void forget(Peers::iterator peer);

  Peers by_routing_id_;
  std::unordered_map<std::uint64_t, std::string> by_number_;
  std::list<std::string> ages_;  // least recently heard first
  std::uint64_t next_ = 1;
};

}  // namespace landseer::broker
