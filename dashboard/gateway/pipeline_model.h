/// One pipeline as the gateway knows it: its counts always, its tasks, workflows and attempts since
/// somebody first asked for them. Kept as it is by the broker's changes. A plain value without a
/// lock; see model.h.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/domain/types.h"
#include "common/protocol/changes.h"

namespace landseer::gateway {

struct PipelineContent {
  std::vector<protocol::WorkflowRow> workflows;
  std::vector<protocol::TaskRow> tasks;
  std::vector<protocol::TaskAttempt> attempts;
};

class PipelineModel {
 public:
  explicit PipelineModel(protocol::PipelineRow row) : row_(std::move(row)) {}

  const protocol::PipelineRow& row() const { return row_; }
  void set_row(protocol::PipelineRow row, std::int64_t now_ms);
  /// Grows with every change that was told.
  std::uint64_t version() const { return version_; }
  /// Unix milliseconds; 0: nothing changed since the gateway started.
  std::int64_t changed_at() const { return changed_at_; }

  bool loaded() const { return loaded_; }
  /// From here on changes are kept for fill(), which knows them to be newer than what was listed
  /// before.
  void begin_loading() { loading_ = true; }
  void stop_loading();
  void fill(PipelineContent content);
  void unload();

  /// Takes over what a task is now. Returns the tasks that became ready, or no longer are, because
  /// of it.
  std::vector<TaskId> apply(const protocol::TaskChange& change, std::int64_t now_ms);

  // --- Only when loaded ---
  const std::vector<protocol::TaskRow>& tasks() const { return content_.tasks; }
  const std::vector<protocol::WorkflowRow>& workflows() const { return content_.workflows; }
  const std::vector<protocol::TaskAttempt>& attempts() const { return content_.attempts; }
  const protocol::TaskRow* find(TaskId task) const;
  /// Index into tasks().
  std::size_t index_of(TaskId task) const { return index_.at(number(task)); }
  /// Of the task with this index: indexes of those that need it directly.
  const std::vector<std::uint32_t>& dependents(std::size_t task) const { return dependents_[task]; }
  /// The longest path to a root, by index.
  const std::vector<std::uint32_t>& levels() const { return levels_; }
  /// All indexes, each behind those of what it depends on.
  const std::vector<std::uint32_t>& order() const { return order_; }
  /// The latest attempt of a task; null if there was none.
  const protocol::AttemptRow* last_attempt(TaskId task) const;
  /// With status and completed as the tasks are now.
  protocol::WorkflowRow workflow_now(std::size_t index) const;

 private:
  void connect();
  bool is_startable(const protocol::TaskRow& task) const;
  void note_attempt(TaskId task, const protocol::AttemptRow& attempt);

  protocol::PipelineRow row_;
  std::uint64_t version_ = 1;
  std::int64_t changed_at_ = 0;
  bool loaded_ = false;
  bool loading_ = false;
  std::vector<protocol::TaskChange> waiting_;  // while it is loaded
  PipelineContent content_;
  std::unordered_map<std::uint64_t, std::size_t> index_;
  std::vector<std::vector<std::uint32_t>> dependents_;
  std::vector<std::uint32_t> levels_;
  std::vector<std::uint32_t> order_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::size_t> attempt_index_;
};

}  // namespace landseer::gateway
