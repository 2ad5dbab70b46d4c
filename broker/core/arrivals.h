/// Submissions that have arrived and wait until workers have looked whether what they offer is
/// still what they said: what the names in a submission stand for is decided when it is accepted.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>

#include "broker/core/events.h"
#include "common/base/time.h"
#include "common/protocol/submission.h"

namespace landseer::broker {

/// A worker that takes longer is not relied on until it has answered.
inline constexpr Duration kContentsCheckMax = std::chrono::seconds(2);

struct Arrival {
  PeerId peer{};
  std::uint64_t number = 0;  ///< of the client's request
  std::string submission_id;
  std::string body;
  Caller caller;
  bool plan_only = false;
  std::optional<protocol::Submission> submission{};  ///< the body, once it was read
  std::uint64_t check = 0;                           ///< number of the question to the workers
  std::set<WorkerId> unanswered{};
  Instant deadline{};
};

/// Bounded in number and bytes; the one that has waited longest makes room: take() gives it.
class Arrivals {
 public:
  void add(Arrival arrival);
  /// Notes that a worker answered, or will not.
  void answered(WorkerId worker, std::uint64_t check);
  /// The next that has waited long enough: all have answered, its time is over, or there is no
  /// room.
  std::optional<Arrival> take(Instant now);
  std::optional<Instant> next_deadline() const;
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Arrival& arrival : waiting_) visit(arrival);
  }

 private:
  bool is_over_limit() const;

  std::list<Arrival> waiting_;  // in the order they came, which is that of their deadlines
  std::size_t bytes_ = 0;
};

}  // namespace landseer::broker
