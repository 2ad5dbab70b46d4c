/// Which ready task goes to which worker. Greedy by policy order over distinct requests; a request
/// that no worker has room for is left alone for the rest of the pass, and later until some worker
/// has more room than it had: only that one is looked at then. Room is kept for it meanwhile, and
/// what comes after it may only have what it does not need. Work per pass is bounded.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "broker/core/free_workers.h"
#include "broker/core/lifecycle.h"
#include "broker/core/reservations.h"
#include "broker/core/state.h"

namespace landseer::broker {

class Placement {
 public:
  Placement(State& state, Lifecycle& lifecycle, Reuse& reuse)
      : state_(state), lifecycle_(lifecycle), reuse_(reuse), reservations_(state) {}

  /// Assigns what fits. Leaves `state.placement_due` set if the pass ended at its bound.
  void place(const Now& now, Outbox& out);

  /// Whether any worker, busy or not, could run such a task.
  bool is_possible(std::uint32_t request);
  /// Why no known worker can ever run such a task, see requirements.h; empty: one can. Looked up
  /// once for as long as workers offer what they do.
  const std::string& impossible(std::uint32_t request);
  /// What is kept for whom, as the last pass left it.
  const Reservations& reservations() const { return reservations_; }
  /// Whether the task waits for another worker rather than this one, where it could not be started.
  bool avoids(const FoundTask& found, const WorkerRecord& worker);
  /// Of the broker's own resources: how much is free but held for what was passed over for want of
  /// it, as the last pass left it.
  std::uint64_t held_shared(const std::string& name) const;
  /// Whether any of these has what the task's pipeline began with by the names it uses.
  bool has_contents(const PipelineRecord& record, const domain::Task& task);

 private:
  /// Messages of one pass, by worker, with specs shared.
  struct Draft {
    protocol::Assign message;
    std::map<std::pair<const void*, const void*>, std::uint32_t> specs;
    std::size_t bytes = 0;
  };
  /// A ready task that is the best of its request.
  struct Head {
    domain::ReadyQueue::Entry entry;
    std::uint32_t request = 0;
    bool operator<(const Head& other) const { return entry > other.entry; }  // the best on top
  };
  /// A task that found no room in this pass, and for which none is kept yet.
  struct Waiting {
    FoundTask found;
    bool elsewhere = false;  // as in Search
  };
  /// What is asked of a worker for one task.
  struct Search {
    const FoundTask& found;
    const Request& request;
    const TaskRun* own = nullptr;
    std::int64_t ahead = 0;         // may be given ahead: for so many times its CPUs
    bool elsewhere = false;         // not where it could not be started
    bool saw_other_reason = false;  // passed over somebody who has room
    bool wrong_contents = false;    // of those
    Now now;
  };

  /// At most `most` of its tasks; returns how many.
  std::uint32_t place_pipeline(PipelineRecord& record, std::uint32_t most, const Now& now,
                               Outbox& out);
  void find_starving(const Now& now);
  void place_starving(const Now& now, Outbox& out);
  void gather_heads(const PipelineRecord& record);
  bool place_task(const FoundTask& found, const Now& now, Outbox& out);
  bool is_over_bound() const;
  bool is_blocked(PipelineId pipeline, std::uint32_t request) const;
  bool may_take_shared(const Request& request) const;
  void hold_shared(std::uint32_t request);
  void block(const Search& search);
  Reservations::Passed passed(const FoundTask& found, bool elsewhere) const;
  void keep_room(const Now& now);
  WorkerRecord* choose_worker(Search& search);
  void gather_few(std::uint64_t since);
  WorkerRecord* first_of_few(Search& search, bool ahead);
  WorkerRecord* best_with_input(Search& search, bool ahead);
  WorkerRecord* first_good(const FreeWorkers::Order& entries, Search& search, bool ahead);
  WorkerRecord* or_with_image(const FreeWorkers::Order& entries, FreeWorkers::Order::iterator good,
                              Search& search, bool ahead);
  bool is_good(const FreeWorkers::Entry& entry, Search& search, bool ahead);
  static bool failed_on(const TaskRun& run, WorkerId worker);
  bool failed_everywhere(const Search& search);
  std::uint64_t& checked(const Search& search);
  static void add_source(protocol::InputArtifact& input, const WorkerRecord& holder,
                         const WorkerRecord& fetcher, const Now& now);
  protocol::InputArtifact checkpoint_for(const TaskRun& run, const WorkerRecord& worker,
                                         const Now& now) const;
  /// Artifacts on a common file system: what one has, the other has.
  static bool share_store(const WorkerRecord& a, const WorkerRecord& b);
  bool gather_inputs(const FoundTask& found, const WorkerRecord& worker,
                     std::vector<protocol::InputArtifact>& inputs, const Now& now, Outbox& out);
  void draft(const FoundTask& found, WorkerRecord& worker,
             std::vector<protocol::InputArtifact> inputs, const Now& now, Outbox& out);
  void flush(WorkerId worker, Draft& draft, Outbox& out);

  State& state_;
  Lifecycle& lifecycle_;
  Reuse& reuse_;
  Reservations reservations_;
  FreeWorkers free_;
  // By request and whether its tasks are short: nobody had room for them when so many gains of
  // room had been seen; 0: somebody may have.
  std::vector<std::uint64_t> checked_;
  std::unordered_set<std::uint32_t> blocked_;                    // requests, during one pass
  std::set<std::pair<PipelineId, std::uint32_t>> blocked_here_;  // the same, of one pipeline
  /// Of the broker's own resources: what those that were passed over in this pass ask for.
  std::map<std::string, std::uint64_t> held_shared_;
  std::vector<Waiting> waiting_;                          // few
  std::vector<std::pair<Instant, PipelineId>> starving_;  // by since when
  Instant next_starving_;                                 // when to look for them again
  std::vector<FreeWorkers::Entry> few_;                   // reused
  bool cut_ = false;                                      // the last pass was ended by its bound
  std::vector<Head> heads_;                               // a heap; of one pipeline
  std::uint64_t looks_ = 0;  // at workers, in this pass, and what costs as much
  std::map<WorkerId, Draft> drafts_;
  struct Verdict {
    std::uint64_t generation = 0;
    std::string text;
  };
  std::map<std::uint32_t, Verdict> impossible_;
};

}  // namespace landseer::broker
