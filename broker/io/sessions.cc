#include "broker/io/sessions.h"

#include "common/base/ids.h"

namespace landseer::broker {

PeerId Sessions::number_of(const std::string& routing_id, const std::string& key) {
  const auto known = by_routing_id_.find(routing_id);
  if (known != by_routing_id_.end() && known->second.key == key) {
    ages_.splice(ages_.end(), ages_, known->second.age);
    return known->second.number;
  }
  if (known != by_routing_id_.end()) forget(known);
  if (by_routing_id_.size() >= kPeersMax) forget(by_routing_id_.find(ages_.front()));
  const PeerId peer{next_++};
  ages_.push_back(routing_id);
  by_routing_id_.emplace(routing_id, Peer{peer, std::prev(ages_.end()), key});
  by_number_.emplace(number(peer), routing_id);
  return peer;
}

void Sessions::forget(Peers::iterator peer) {
  by_number_.erase(number(peer->second.number));
  ages_.erase(peer->second.age);
  by_routing_id_.erase(peer);
}

std::vector<PeerId> Sessions::forget_unless(
    const std::function<bool(const std::string& key)>& is_good) {
  std::vector<PeerId> forgotten;
  for (auto peer = by_routing_id_.begin(); peer != by_routing_id_.end();) {
    const auto next = std::next(peer);
    if (!is_good(peer->second.key)) {
      forgotten.push_back(peer->second.number);
      forget(peer);
    }
    peer = next;
  }
  return forgotten;
}

const std::string* Sessions::routing_id(PeerId peer) const {
  const auto found = by_number_.find(number(peer));
  return found != by_number_.end() ? &found->second : nullptr;
}

}  // namespace landseer::broker
