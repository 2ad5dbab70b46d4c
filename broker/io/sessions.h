/// Numbers for connections: libzmq's routing ids stay in here.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

#include "broker/core/events.h"

namespace landseer::broker {

/// Remembers the most recently heard connections; an older one that speaks again gets a new number
/// and is, to the core, a stranger.
class Sessions {
 public:
  PeerId number_of(const std::string& routing_id);
  /// Null for a number that was forgotten.
  const std::string* routing_id(PeerId peer) const;

  static constexpr std::size_t kPeersMax = 20'000;

 private:
  struct Peer {
    PeerId number{};
    std::list<std::string>::iterator age;
  };
  std::unordered_map<std::string, Peer> by_routing_id_;
  std::unordered_map<std::uint64_t, std::string> by_number_;
  std::list<std::string> ages_;  // least recently heard first
  std::uint64_t next_ = 1;
};

}  // namespace landseer::broker
