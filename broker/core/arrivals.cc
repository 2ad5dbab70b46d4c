#include "broker/core/arrivals.h"

#include <algorithm>

#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

/// As many bytes as may be staged in parts before they arrive.
constexpr std::size_t kBytesMax = 2 * protocol::kSubmissionBytesMax;
constexpr std::size_t kArrivalsMax = 256;

}  // namespace

void Arrivals::add(Arrival arrival) {
  bytes_ += arrival.body.size();
  waiting_.push_back(std::move(arrival));
}

void Arrivals::answered(WorkerId worker, std::uint64_t check) {
  for (Arrival& arrival : waiting_) {
    if (arrival.check <= check) arrival.unanswered.erase(worker);
  }
}

bool Arrivals::is_over_limit() const {
  return waiting_.size() > kArrivalsMax || (bytes_ > kBytesMax && waiting_.size() > 1);
}

std::optional<Arrival> Arrivals::take(Instant now) {
  auto ripe = std::find_if(waiting_.begin(), waiting_.end(), [&](const Arrival& arrival) {
    return arrival.unanswered.empty() || arrival.deadline <= now;
  });
  if (ripe == waiting_.end() && is_over_limit()) ripe = waiting_.begin();
  if (ripe == waiting_.end()) return std::nullopt;
  Arrival arrival = std::move(*ripe);
  waiting_.erase(ripe);
  bytes_ -= arrival.body.size();
  return arrival;
}

std::optional<Instant> Arrivals::next_deadline() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().deadline;
}

}  // namespace landseer::broker
