#include "broker/io/sessions.h"

#include "common/base/ids.h"

namespace landseer::broker {

PeerId Sessions::number_of(const std::string& routing_id) {
  const auto known = by_routing_id_.find(routing_id);
  if (known != by_routing_id_.end()) {
    ages_.splice(ages_.end(), ages_, known->second.age);
    return known->second.number;
  }
  if (by_routing_id_.size() >= kPeersMax) {
    const auto oldest = by_routing_id_.find(ages_.front());
    by_number_.erase(number(oldest->second.number));
    by_routing_id_.erase(oldest);
    ages_.pop_front();
  }
  const PeerId peer{next_++};
  ages_.push_back(routing_id);
  by_routing_id_.emplace(routing_id, Peer{peer, std::prev(ages_.end())});
  by_number_.emplace(number(peer), routing_id);
  return peer;
}

const std::string* Sessions::routing_id(PeerId peer) const {
  const auto found = by_number_.find(number(peer));
  return found != by_number_.end() ? &found->second : nullptr;
}

}  // namespace landseer::broker
