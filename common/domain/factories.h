/// Making tasks, workflows and pipelines in process. The broker builds submissions with the same
/// classes. Not thread-safe: one thread owns the factories and what they made.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"
#include "common/domain/key_index.h"
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

/// What tasks have in common: one object each, however many tasks refer to it. None is null.
struct TaskParts {
  std::shared_ptr<const ToolDefinition> tool;
  std::shared_ptr<const Config> config;
  std::shared_ptr<const TaskOptions> options;
};

/// Places for objects that live and die together: each pointer keeps all of its block.
template <class T>
class BlockPool {
 public:
  /// The next block has room for so many.
  void reserve(std::size_t count) { next_size_ = count; }
  std::shared_ptr<T> make() {
    if (!block_ || block_->size() == block_->capacity()) {
      block_ = std::make_shared<std::vector<T>>();
      block_->reserve(next_size_);
      next_size_ = std::min<std::size_t>(2 * next_size_, 4096);
    }
    return {block_, &block_->emplace_back()};
  }

 private:
  std::shared_ptr<std::vector<T>> block_;  // never grows beyond what was reserved
  std::size_t next_size_ = 4;
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

  /// The same for parts that are shared already.
  TaskPtr get_or_create_task(TaskType type, const TaskParts& parts,
                             std::span<const TaskPtr> dependencies);

  /// Forgets the registry. Ids go on from where they were.
  void clear_task_registry();

  std::size_t registry_size() const { return registry_.size(); }
  /// Room for so many tasks, so that tables do not grow step by step.
  void reserve(std::size_t tasks);

 private:
  TaskKey key_of(const TaskParts& parts, std::span<const TaskPtr> dependencies) const;
  TaskPtr find(const TaskKey& key) const;
  void add(const TaskPtr& task);
  TaskPtr make(TaskType type, const TaskKey& key, const TaskParts& parts,
               std::span<const TaskPtr> dependencies);
  TaskParts share_parts(const ToolDefinition& tool, const Config& config,
                        const TaskOptions& options);

  IdCounters& counters_;
  KeyContext context_;
  BlockPool<Task> pool_;
  std::vector<TaskPtr> registry_;
  KeyIndex by_key_;  // of a task's place in the registry, from 1
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
  /// Room for so many.
  void reserve(std::size_t workflows) { pool_.reserve(workflows); }

 private:
  IdCounters& counters_;
  BlockPool<Workflow> pool_;
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

/// Gives a pipeline that was made with counters of its own, which began at 1 and stand at `made`
/// now, the next ids of `counters`. O(tasks), in place. Returns by how much tasks' ids grew, for
/// whoever else remembers them.
std::uint64_t renumber(Pipeline& pipeline, const IdCounters& made, IdCounters& counters);

}  // namespace landseer::domain
