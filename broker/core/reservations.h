/// Room that is kept for tasks that found none, so that smaller ones, for which there always is
/// some, do not hold them up for ever. Belongs to placement. The rules are in docs/architecture.md,
/// "Reservations".
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "broker/core/free_workers.h"
#include "broker/core/state.h"

namespace landseer::broker {

/// For the next task of one request, whichever that will be.
struct Reservation {
  std::uint32_t request = 0;
  TaskId task{};          ///< that found no room
  WorkerId worker{};      ///< that is to take it
  Instant start;          ///< when there should be room, as it looked then; never put off
  WallTime since;         ///< when it was made
  bool in_force = false;  ///< in this pass its turn was before those that are asked about
};

class Reservations {
 public:
  struct Passed {
    const FoundTask& found;
    std::function<bool(const WorkerRecord&)> may_be_at;  ///< it was not tried there in vain
  };

  /// More at a time would keep too much of a small cluster idle.
  static constexpr std::size_t kMost = 4;

  explicit Reservations(State& state) : state_(state) {}

  // --- The steps of a pass ---

  /// None is in force before the task it is for had its turn.
  void begin_pass();
  /// The best task of its request found no room, and what is kept for the request comes in force.
  /// False: nothing is.
  bool keep(const Passed& passed, FreeWorkers& free);
  /// Somebody after it is about to get room. Counts up `looks` at workers.
  void make(const Passed& passed, FreeWorkers& free, const Now& now, std::uint64_t& looks);
  /// A task of the request has a worker: nothing is kept for it any more.
  void placed(std::uint32_t request, FreeWorkers& free);
  /// The pass went through all: what was kept for tasks that are gone is free. True if there was
  /// any.
  bool end_pass(FreeWorkers& free);

  /// Whether the task, for which there is room, may have it in spite of what is kept there.
  bool allows(const WorkerRecord& worker, const FoundTask& found, const Now& now) const;

  const std::vector<Reservation>& all() const { return all_; }
  const Reservation* find(std::uint32_t request) const;
  const Reservation* at(WorkerId worker) const;

  /// When a worker that could run the request should have room for it, as far as is known.
  struct Room {
    Duration time{};      ///< from now; zero: it has some, or nobody can tell
    TaskId last_ended{};  ///< by whose end
  };
  Room time_to_room(const WorkerRecord& worker, const Request& request, const Now& now) const;
  /// Workers whose attempts are looked at to find the one that has room first.
  static constexpr std::size_t kTimelinesMax = 32;

 private:
  State& state_;
  std::vector<Reservation> all_;  // few
};

/// How long an attempt of the task takes as far as anybody knows: as its tool took before, or what
/// was said of it, or else its whole time limit, at which it is ended. Never longer than that.
Duration expected_run(const State& state, const domain::Task& task);
/// Whether that is more than the time limit.
bool knows_run(const State& state, const domain::Task& task);

}  // namespace landseer::broker
