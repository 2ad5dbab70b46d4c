/// Building the state from a snapshot's items. Whatever does not fit together is an error: the
/// state must not be used then.
#pragma once

#include <memory>

#include "broker/core/snapshot_items.h"
#include "broker/core/state.h"

namespace landseer::broker {

class SnapshotLoader {
 public:
  /// `state` is new and empty.
  explicit SnapshotLoader(State& state) : state_(state) {}

  Result<void> add(const SnapshotItem& item, const Now& now);
  /// After the last item: kInternal if the state is not the one the snapshot was taken of.
  Result<void> finish(const Now& now);

 private:
  Result<void> on(const HeadItem& item);
  Result<void> on(const WorkerItem& item, const Now& now);
  Result<void> on(const TimingItem& item);
  Result<void> on(const PipelineItem& item, const Now& now);
  Result<void> on(const TaskItem& item, const Now& now);
  Result<void> load_live_attempt(const TaskItem& item, const domain::Task& task);
  void load_inheritance(TaskId first, TaskId owner);
  Result<void> close_pipeline(const Now& now);

  State& state_;
  HeadItem head_;
  bool has_head_ = false;
  std::unique_ptr<PipelineRecord> open_;  // its tasks are being read
  std::vector<TaskId> held_;              // of them, those in their backoff
};

}  // namespace landseer::broker
