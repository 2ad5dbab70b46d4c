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

/// A workflow before it is in a pipeline.
struct NewWorkflow {
  WorkflowId id{};
  std::string name;
  std::vector<SharedTask> tasks;  ///< in the order they are applied
};

using WorkflowPtr = std::shared_ptr<const NewWorkflow>;

/// Makes the tasks of one pipeline and remembers them by key. `counters` must outlive it.
class TaskFactory {
 public:
  /// `parts` has, or will have, those of tasks that are made of shared parts.
  explicit TaskFactory(IdCounters& counters, KeyContext context = {},
                       std::shared_ptr<PartStore> parts = std::make_shared<PartStore>());

  /// Always a new task with a new id, also if an equal one exists. It enters the registry only if
  /// its key was unknown. Dependencies must be tasks, not null; a repeated one counts once.
  SharedTask create_task(TaskType type, const ToolDefinition& tool, const Config& config = {},
                         std::span<const SharedTask> dependencies = {},
                         const TaskOptions& options = {});

  /// The task with this key if the registry has it (with the type it was made with), else a new
  /// one. Does not touch the usage counter: only workflows do.
  SharedTask get_or_create_task(TaskType type, const ToolDefinition& tool,
                                const Config& config = {},
                                std::span<const SharedTask> dependencies = {},
                                const TaskOptions& options = {});

  /// The same for parts that are in the store already.
  SharedTask get_or_create_task(TaskType type, const TaskParts& parts,
                                std::span<const SharedTask> dependencies);

  /// Forgets the registry. Ids go on from where they were.
  void clear_task_registry();

  std::size_t registry_size() const { return registry_.size(); }
  /// Room for so many tasks, so that tables do not grow step by step.
  void reserve(std::size_t tasks);

 private:
  TaskKey key_of(const TaskParts& parts, std::span<const SharedTask> dependencies) const;
  SharedTask find(const TaskKey& key) const;
  void add(const SharedTask& task);
  SharedTask make(TaskType type, const TaskKey& key, const TaskParts& parts,
                  std::span<const SharedTask> dependencies);
  TaskParts share_parts(const ToolDefinition& tool, const Config& config,
                        const TaskOptions& options);

  /// Tasks that live and die together, with their parts.
  struct Block {
    std::shared_ptr<const PartStore> parts;
    std::vector<Task> tasks;  // never grows beyond what was reserved
  };
  SharedTask new_task();

  IdCounters& counters_;
  KeyContext context_;
  std::shared_ptr<PartStore> parts_;
  std::shared_ptr<Block> block_;
  std::size_t next_block_ = 4;  // tasks that it has room for
  std::vector<SharedTask> registry_;
  KeyIndex by_key_;  // of a task's place in the registry, from 1
  std::unordered_map<std::string, ConfigText> configs_;  // one of each
};

class WorkflowFactory {
 public:
  explicit WorkflowFactory(IdCounters& counters) : counters_(counters) {}

  /// Every distinct task's usage counter rises by one. An empty workflow is allowed.
  WorkflowPtr create_workflow(std::string name, std::vector<SharedTask> tasks);

 private:
  IdCounters& counters_;
};

class PipelineFactory {
 public:
  explicit PipelineFactory(IdCounters& counters) : counters_(counters) {}

  /// Takes ownership of the tasks' pipeline id. Fails with kConflict if a task already belongs to
  /// another pipeline; then nothing has changed.
  Result<PipelinePtr> create_pipeline(std::string name, const std::vector<WorkflowPtr>& workflows,
                                      DatasetReference dataset = {});

 private:
  IdCounters& counters_;
};

/// Gives a pipeline that was made with counters of its own, which began at 1 and stand at `made`
/// now, the next ids of `counters`. O(tasks), in place. Returns by how much tasks' ids grew, for
/// whoever else remembers them.
std::uint64_t renumber(Pipeline& pipeline, const IdCounters& made, IdCounters& counters);

}  // namespace landseer::domain
