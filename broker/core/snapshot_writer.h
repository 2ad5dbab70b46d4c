/// Taking a snapshot while the broker works. It shows the state of one moment, the one of begin(),
/// although it is written in slices over many turns of the loop: before the ledger changes
/// something that is not written yet, it lets the writer keep what was there.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/snapshot_items.h"
#include "broker/core/state.h"

namespace landseer::broker {

class SnapshotWriter {
 public:
  explicit SnapshotWriter(const State& state) : state_(state) {}

  bool active() const { return active_; }
  /// From now on the snapshot is the state as it is. O(workers + tools + pipelines).
  void begin();
  /// The next part: a group of encoded items (groups.h). It ends with the item that makes it longer
  /// than kPartBytes, or after a look at `tasks_max` tasks: about half a millisecond either way.
  /// After the last part active() is false.
  std::string next_part(std::size_t tasks_max = kPartTasks);

  /// Before something of a pipeline changes that is not one of its tasks.
  void keep(const PipelineRecord& record);
  /// Before a task changes, or afterwards with what its status was: kPending, without reason.
  void keep(const PipelineRecord& record, const domain::Task& task, domain::TaskStatus was);
  /// Whether the snapshot no longer needs this pipeline: it may be forgotten.
  bool is_done_with(PipelineId id) const { return !active_ || id < current_ || id > last_; }

  static constexpr std::size_t kPartBytes = 64 * 1024;
  static constexpr std::size_t kPartTasks = 8 * 1024;

 private:
  bool is_ahead(PipelineId id) const { return active_ && id > current_ && id <= last_; }
  void write_task(const PipelineRecord& record, const domain::Task& task, std::string& part);
  bool enter_next_pipeline(std::string& part);

  const State& state_;
  bool active_ = false;
  std::string opening_;   // head, workers and timings: the first part
  PipelineId current_{};  // its item is written, and its tasks before next_task_
  PipelineId last_{};     // younger ones are not in this snapshot
  std::size_t next_task_ = 0;
  std::unordered_map<PipelineId, std::string> kept_pipelines_;
  std::unordered_map<TaskId, std::string> kept_tasks_;  // empty: as submitted
};

}  // namespace landseer::broker
