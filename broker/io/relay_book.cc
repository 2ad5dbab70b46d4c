#include "broker/io/relay_book.h"

#include <utility>

namespace landseer::broker {

std::optional<std::string> RelayBook::refuse(const std::string& client) const {
  if (requests_.size() >= limits_.requests) return "too much is being read at the broker's port";
  const auto own = under_way_.find(client);
  if (own != under_way_.end() && own->second >= limits_.window) {
    return "more than " + std::to_string(limits_.window) + " requests are under way";
  }
  return std::nullopt;
}

void RelayBook::add(std::uint64_t number, RelayedRequest request) {
  ++under_way_[request.client];
  deadlines_.emplace(request.deadline, number);
  requests_.emplace(number, std::move(request));
}

std::optional<RelayedRequest> RelayBook::answer(const std::string& worker, std::uint64_t number) {
  const auto found = requests_.find(number);
  if (found == requests_.end()) return std::nullopt;
  const std::string* asked = worker_of(found->second.session);
  if (asked == nullptr || *asked != worker) return std::nullopt;
  return take(number);
}

std::optional<RelayedRequest> RelayBook::take(std::uint64_t number) {
  const auto found = requests_.find(number);
  if (found == requests_.end()) return std::nullopt;
  RelayedRequest request = std::move(found->second);
  requests_.erase(found);
  deadlines_.erase({request.deadline, number});
  const auto own = under_way_.find(request.client);
  if (--own->second == 0) under_way_.erase(own);
  return request;
}

std::vector<RelayedRequest> RelayBook::expire(Instant now) {
  std::vector<RelayedRequest> expired;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    expired.push_back(*take(deadlines_.begin()->second));
  }
  return expired;
}

std::optional<Instant> RelayBook::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

std::vector<std::uint64_t> RelayBook::attach(std::uint64_t session, const std::string& worker) {
  // Session numbers grow, so the first is the one that was given first.
  if (workers_.size() >= limits_.workers && !workers_.contains(session)) {
    workers_.erase(workers_.begin());
  }
  workers_[session] = worker;
  std::vector<std::uint64_t> waiting;
  for (const std::uint64_t number : numbers_of(session)) {
    if (!requests_.at(number).frame.empty()) waiting.push_back(number);
  }
  return waiting;
}

const std::string* RelayBook::worker_of(std::uint64_t session) const {
  const auto found = workers_.find(session);
  return found != workers_.end() ? &found->second : nullptr;
}

std::vector<std::uint64_t> RelayBook::detach(std::uint64_t session) {
  workers_.erase(session);
  return numbers_of(session);
}

std::vector<std::uint64_t> RelayBook::numbers_of(std::uint64_t session) const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, request] : requests_) {
    if (request.session == session) numbers.push_back(number);
  }
  return numbers;
}

}  // namespace landseer::broker
