/// Which ready task goes to which worker. Greedy by policy order over distinct requests; a request
/// that no worker has room for is left alone for the rest of the pass, so what cannot be placed
/// costs nothing. Work per pass is bounded.
#pragma once

#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "broker/core/lifecycle.h"
#include "broker/core/state.h"

namespace landseer::broker {

class Placement {
 public:
  Placement(State& state, Lifecycle& lifecycle, Reuse& reuse)
      : state_(state), lifecycle_(lifecycle), reuse_(reuse) {}

  /// Assigns what fits. Leaves `state.placement_due` set if the pass ended at its bound.
  void place(const Now& now, Outbox& out);

  /// Whether any worker, busy or not, could run such a task.
  bool is_possible(std::uint32_t request);
  /// Whether any of these has what the task's pipeline began with by the names it uses.
  bool has_contents(const PipelineRecord& record, const domain::Task& task);

 private:
  /// Messages of one pass, by worker, with specs shared.
  struct Draft {
    protocol::Assign message;
    std::map<std::pair<const void*, const void*>, std::uint32_t> specs;
    std::size_t bytes = 0;
  };
  struct Capable {
    std::uint64_t generation = 0;
    std::vector<WorkerId> workers;
  };

  bool place_best(PipelineRecord& record, const Now& now, Outbox& out);
  /// Null: nobody has room, or only workers where its names stand for something else.
  WorkerRecord* choose_worker(const FoundTask& found, bool& wrong_contents);
  protocol::InputArtifact checkpoint_for(const TaskRun& run, const WorkerRecord& worker) const;
  /// Artifacts on a common file system: what one has, the other has.
  static bool share_store(const WorkerRecord& a, const WorkerRecord& b);
  bool has_artifact(const std::vector<WorkerId>& holders, const WorkerRecord& worker) const;
  const std::vector<WorkerId>& capable(std::uint32_t request);
  bool gather_inputs(const FoundTask& found, const WorkerRecord& worker,
                     std::vector<protocol::InputArtifact>& inputs, const Now& now, Outbox& out);
  void draft(const FoundTask& found, WorkerRecord& worker,
             std::vector<protocol::InputArtifact> inputs, Outbox& out);
  void flush(WorkerId worker, Draft& draft, Outbox& out);

  State& state_;
  Lifecycle& lifecycle_;
  Reuse& reuse_;
  std::unordered_set<std::uint32_t> blocked_;       // requests, during one pass
  std::unordered_set<std::uint32_t> blocked_here_;  // the same, of one pipeline
  std::unordered_map<std::uint32_t, Capable> capable_;
  std::map<WorkerId, Draft> drafts_;
};

}  // namespace landseer::broker
