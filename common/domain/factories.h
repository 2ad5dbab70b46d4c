/// Making tasks, workflows and pipelines in process. The broker builds submissions with the same
/// classes. Not thread-safe: one thread owns the factories and what they made.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"
#include "common/domain/pipeline.h"
#include "common/domain/task_key.h"

namespace landseer::domain {

/// The next free id of each kind. One object is shared by all factories of a process (or restored
/// from a store), so that ids never repeat.
struct IdCounters {
  std::uint64_t task = 1;
  std::uint64_t workflow = 1;
  std::uint64_t pipeline = 1;
};

/// Makes the tasks of one pipeline and remembers them by key. `counters` must outlive it.
class TaskFactory {
 public:
  explicit TaskFactory(IdCounters& counters, KeyContext context = {});

  /// Always a new task with a new id, also if an equal one exists. It enters the registry only if
  /// its key was unknown. Dependencies must be tasks, not null; a repeated one counts once.
  TaskPtr create_task(TaskType type, const ToolDefinition& tool, const Config& config = {},
                      std::span<const TaskPtr> dependencies = {}, const TaskOptions& options = {});

  /// The task with this key if the registry has it (with the type it was made with), else a new
  /// one. Does not touch the usage counter: only workflows do.
  TaskPtr get_or_create_task(TaskType type, const ToolDefinition& tool, const Config& config = {},
                             std::span<const TaskPtr> dependencies = {},
                             const TaskOptions& options = {});

  /// Forgets the registry. Ids go on from where they were.
  void clear_task_registry() { registry_.clear(); }

  std::size_t registry_size() const { return registry_.size(); }
  /// Room for so many tasks and configurations, so that tables do not grow step by step.
  void reserve(std::size_t tasks, std::size_t configs) {
    registry_.reserve(tasks);
    configs_.reserve(configs);
  }

 private:
  TaskKey key_of(const ToolDefinition& tool, const Config& config,
                 std::span<const TaskPtr> dependencies, const TaskOptions& options) const;
  TaskPtr make(TaskType type, const TaskKey& key, const ToolDefinition& tool, const Config& config,
               std::span<const TaskPtr> dependencies, const TaskOptions& options);

  IdCounters& counters_;
  KeyContext context_;
  std::unordered_map<TaskKey, TaskPtr> registry_;
  // One copy of each distinct part, most recent last; linear search is bounded by kRecentMax.
  std::vector<std::shared_ptr<const ToolDefinition>> tools_;
  std::vector<std::shared_ptr<const TaskOptions>> options_;
  std::unordered_map<std::string, std::shared_ptr<const Config>> configs_;
};

class WorkflowFactory {
 public:
  explicit WorkflowFactory(IdCounters& counters) : counters_(counters) {}

  /// Every distinct task's usage counter rises by one. An empty workflow is allowed.
  WorkflowPtr create_workflow(std::string name, std::vector<TaskPtr> tasks);

 private:
  IdCounters& counters_;
};

class PipelineFactory {
 public:
  explicit PipelineFactory(IdCounters& counters) : counters_(counters) {}

  /// Takes ownership of the tasks' pipeline id. Fails with kConflict if a task already belongs to
  /// another pipeline; then nothing has changed.
  Result<PipelinePtr> create_pipeline(std::string name, std::vector<WorkflowPtr> workflows,
                                      DatasetReference dataset = {});

 private:
  IdCounters& counters_;
};

}  // namespace landseer::domain
