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
#include "common/domain/config.h"
#include "common/domain/tool.h"
#include "common/domain/types.h"

namespace landseer::domain {

/// Names the work: equal key, same work. See make_task_key().
using TaskKey = Digest;

struct Task {
  TaskId id{};
  PipelineId pipeline{};
  TaskKey key;
  std::shared_ptr<const ToolDefinition> tool;  ///< shared by all tasks of the tool
  std::shared_ptr<const Config> config;        ///< shared by all tasks with equal configuration
  std::shared_ptr<const TaskOptions> options;  ///< shared likewise
  IdList<TaskId> dependencies;                 ///< direct ones, as given, without repetitions
  IdRanges<WorkflowId> workflows;              ///< distinct, in the order they were made
  RareText reason;                             ///< why it failed, was skipped or cancelled
  std::int64_t priority = 0;                   ///< the policy's value, as shown to users
  std::uint32_t request = 0;                   ///< group of tasks that compete for the same thing
  TaskType type = TaskType::kPreTraining;
  TaskStatus status = TaskStatus::kPending;
  bool cached = false;  ///< completed without running
  bool pruned = false;  ///< cancelled by a rule, or about to be, once its attempt is stopped

  std::uint32_t dependency_level() const { return static_cast<std::uint32_t>(dependencies.size()); }
  std::uint32_t usage_counter() const { return static_cast<std::uint32_t>(workflows.size()); }
  friend bool operator==(const Task& a, const Task& b) { return a.key == b.key; }
};

using TaskPtr = std::shared_ptr<Task>;

}  // namespace landseer::domain

template <>
struct std::hash<landseer::domain::Task> {
  std::size_t operator()(const landseer::domain::Task& task) const noexcept {
    return std::hash<landseer::Digest>{}(task.key);
  }
};
