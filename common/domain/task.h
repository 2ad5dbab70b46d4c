/// A task: one tool applied with one configuration to the outputs of its dependencies; the unit of
/// scheduling. Plain data; the factories make them, many in one piece of memory, and the scheduler
/// moves their status. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "common/base/compact.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/domain/task_parts.h"
#include "common/domain/types.h"

namespace landseer::domain {

/// Names the work: equal key, same work. See make_task_key().
using TaskKey = Digest;

/// Two cache lines, the first with what scheduling looks at.
struct alignas(64) Task {
  TaskId id{};
  PipelineId pipeline{};
  const ToolDefinition* tool = nullptr;  ///< shared by all tasks of the tool
  const TaskOptions* options = nullptr;  ///< shared likewise
  IdList<TaskId> dependencies;           ///< direct ones, as given, without repetitions
  std::int64_t priority = 0;             ///< the policy's value, as shown to users
  std::uint32_t request = 0;             ///< group of tasks that compete for the same thing
  TaskType type = TaskType::kPreTraining;
  TaskStatus status = TaskStatus::kPending;
  bool cached = false;  ///< completed without running
  bool pruned = false;  ///< cancelled by a rule, or about to be, once its attempt is stopped

  TaskKey key;
  ConfigText config;
  IdRanges<WorkflowId> workflows;  ///< distinct, in the order they were made
  RareText reason;                 ///< why it failed, was skipped or cancelled

  std::uint32_t dependency_level() const { return static_cast<std::uint32_t>(dependencies.size()); }
  std::uint32_t usage_counter() const { return static_cast<std::uint32_t>(workflows.size()); }
  friend bool operator==(const Task& a, const Task& b) { return a.key == b.key; }
};
static_assert(sizeof(Task) == 128, "there may be millions; see docs/performance.md, W5");

/// As the factories give it out: keeps the task, all that were made with it, and their parts.
using SharedTask = std::shared_ptr<Task>;

/// Of a task in a pipeline: valid as long as the pipeline, or a scheduler of it.
using TaskPtr = Task*;

}  // namespace landseer::domain

template <>
struct std::hash<landseer::domain::Task> {
  std::size_t operator()(const landseer::domain::Task& task) const noexcept {
    return std::hash<landseer::Digest>{}(task.key);
  }
};
