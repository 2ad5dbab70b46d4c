/// What has finished, in tables that people can query with SQL: `history.sqlite` in the state
/// folder, which the broker writes and never reads to decide anything. A copy of what it knows: it
/// may be deleted, and what the broker still remembers is written again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/core/broker.h"
#include "broker/io/sqlite.h"

namespace landseer::broker {

class History {
 public:
  /// Opens or makes the file. Pipelines that finished more than `keep` ago are removed, in slices.
  static Result<std::unique_ptr<History>> open(const std::string& folder, Duration keep);

  /// After a recovery: tells the core which of its finished pipelines are here already.
  Result<void> compare(Broker& core);
  /// Writes a slice of a finished pipeline, or removes a slice of what is too old: one to three
  /// milliseconds. kLimit: the disk is full; it may be tried again.
  Result<void> step(Broker& core, const Now& now);
  /// Something is left to do.
  bool is_due(const Broker& core, const Now& now) const;

  static constexpr std::uint32_t kSliceRows = 200;
  /// Tasks kept, however young; the oldest pipelines go first.
  static constexpr std::int64_t kTasksMax = 10'000'000;

 private:
  explicit History(Duration keep) : keep_(keep) {}
  Result<void> prepare(const std::string& folder);
  /// True: it was the last one.
  Result<bool> write_slice(const State& state, const PipelineRecord& record);
  void begin(const PipelineRecord& record);
  Result<void> write_tasks(const State& state, const PipelineRecord& record);
  Result<void> write_workflows(const PipelineRecord& record);
  Result<void> write_pipeline(const PipelineRecord& record);
  Result<void> remove_old(const Now& now);
  Result<bool> remove_slice(std::int64_t pipeline);

  struct Statements {
    Statement pipeline, task, workflow, member;
  };

  Duration keep_;
  std::unique_ptr<Database> database_;
  Statements statements_;
  PipelineId open_{};                  // is being written
  std::int64_t open_finished_at_ = 0;  // a retried pipeline finishes again, and begins again here
  std::uint64_t next_task_ = 0;
  std::uint64_t next_workflow_ = 0;
  bool tasks_written_ = false;
  std::int64_t tasks_ = 0;  // all rows
  Instant next_removal_;
};

}  // namespace landseer::broker
