/// The scheduler's interface: which task of a pipeline runs next, and what its end means for the
/// others. In process, no network, no clock. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/domain/pipeline.h"

namespace landseer::domain {

/// Counts by status; they add up to `total`.
struct Progress {
  std::uint64_t total = 0;
  std::uint64_t pending = 0;
  std::uint64_t running = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t skipped = 0;
  std::uint64_t cancelled = 0;
  bool operator==(const Progress&) const = default;
};

struct TaskPriorityInfo {
  TaskId task_id{};
  std::int64_t priority = 0;
  std::uint32_t dependency_level = 0;
  std::uint32_t usage_counter = 0;
  std::string status;
  std::vector<TaskId> dependencies;
  std::vector<WorkflowId> workflows;
};

/// What else a status change did: tasks that became ready, and tasks skipped with it.
struct Consequences {
  std::vector<TaskPtr> ready;
  std::vector<TaskPtr> skipped;
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// The best ready task, now running; null when none is ready.
  virtual TaskPtr get_next_task() = 0;

  /// Ends a running task. Errors, which change nothing: kNotFound for an unknown id, kInvalid for
  /// a status other than completed or failed, kConflict if the task is not running.
  virtual Result<Consequences> update_task_status(TaskId id, TaskStatus status,
                                                  std::string reason = {}) = 0;

  /// True when every task is terminal; an empty pipeline is complete.
  virtual bool is_complete() const = 0;
  virtual Progress get_progress() const = 0;

  /// Pending tasks whose dependencies are all completed, in the order they would be taken.
  virtual std::vector<TaskPtr> get_ready_tasks_by_priority() const = 0;
  virtual Result<TaskPriorityInfo> get_task_priority_info(TaskId id) const = 0;

  /// Tasks by number of direct dependencies; inside a level the most used first, then insertion
  /// order.
  virtual std::map<std::uint32_t, std::vector<TaskPtr>> get_priority_levels() const = 0;
};

}  // namespace landseer::domain
