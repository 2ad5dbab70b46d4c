/// Submissions that have arrived. Each is built (submission_builder.h), and then waits until
/// workers have looked whether what they offer is still what they said: what the names in a
/// submission stand for is decided when it is accepted.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>

#include "broker/core/events.h"
#include "broker/core/submission_builder.h"
#include "common/base/time.h"

namespace landseer::broker {

/// A worker that takes longer is not relied on until it has answered.
inline constexpr Duration kContentsCheckMax = std::chrono::seconds(2);

struct Arrival {
  std::uint64_t build = 0;  ///< its number among those that are built
  PeerId peer{};
  std::uint64_t number = 0;  ///< of the client's request
  std::string submission_id;
  std::string body;
  Caller caller;
  bool plan_only = false;
  Digest digest{};                ///< of the body; none: it was not built, see the error
  std::string model_script{};     ///< out of the body
  Result<BuiltPipeline> built{};  ///< out of the rest, or what is wrong with it
  std::uint64_t check = 0;        ///< number of the question to the workers
  std::set<WorkerId> unanswered{};
  Instant deadline{};
};

/// Reads and builds the body: most of the work that a submission is, and it needs nothing but this.
void build(Arrival& arrival, const KnownTimes& times);

/// An arrival that is to be built beside the core, with what is known about tools now.
struct BuildRequest {
  Arrival arrival;
  std::map<std::string, Duration> times;
};
/// The same for one of those.
Arrival build(BuildRequest request);

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
  /// Of all of them.
  std::uint64_t tasks() const { return tasks_; }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Arrival& arrival : waiting_) visit(arrival);
  }

 private:
  bool is_over_limit() const;

  std::list<Arrival> waiting_;  // in the order they came, which is that of their deadlines
  std::size_t bytes_ = 0;
  std::uint64_t tasks_ = 0;
};

}  // namespace landseer::broker
