#include "common/domain/factories.h"

#include <algorithm>

#include "common/base/check.h"

namespace landseer::domain {
namespace {

/// Pipelines name a few dozen tools and option sets; beyond this many a new copy is cheaper than a
/// longer search.
constexpr std::size_t kRecentMax = 64;

template <class T>
std::shared_ptr<const T> share(std::vector<std::shared_ptr<const T>>& recent, const T& value) {
  for (auto it = recent.rbegin(); it != recent.rend(); ++it) {
    if (**it == value) return *it;
  }
  if (recent.size() >= kRecentMax) recent.erase(recent.begin());
  recent.push_back(std::make_shared<const T>(value));
  return recent.back();
}

}  // namespace

TaskFactory::TaskFactory(IdCounters& counters, KeyContext context)
    : counters_(counters), context_(std::move(context)) {}

void TaskFactory::reserve(std::size_t tasks) {
  pool_.reserve(tasks);
  registry_.reserve(tasks);
  by_key_.reserve(tasks);
}

void TaskFactory::clear_task_registry() {
  registry_.clear();
  by_key_ = {};
}

TaskKey TaskFactory::key_of(const TaskParts& parts, std::span<const TaskPtr> dependencies) const {
  std::vector<TaskKey> keys;
  keys.reserve(dependencies.size());
  for (const TaskPtr& dependency : dependencies) {
    CHECK(dependency != nullptr, "a dependency is a task");
    keys.push_back(dependency->key);
  }
  // A repeated dependency counts once, in the key as everywhere.
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return make_task_key(*parts.tool, *parts.config, *parts.options, context_, keys);
}

TaskPtr TaskFactory::find(const TaskKey& key) const {
  TaskPtr found;
  by_key_.find(key, [&](TaskId place) {
    const TaskPtr& known = registry_[number(place) - 1];
    if (known->key == key) found = known;
    return found == nullptr;
  });
  return found;
}

TaskPtr TaskFactory::make(TaskType type, const TaskKey& key, const TaskParts& parts,
                          std::span<const TaskPtr> dependencies) {
  auto task = pool_.make();
  task->id = TaskId{counters_.task++};
  task->type = type;
  task->key = key;
  task->tool = parts.tool;
  task->config = parts.config;
  task->options = parts.options;
  for (const TaskPtr& dependency : dependencies) {
    auto& ids = task->dependencies;
    if (std::find(ids.begin(), ids.end(), dependency->id) == ids.end()) {
      ids.push_back(dependency->id);
    }
  }
  return task;
}

TaskParts TaskFactory::share_parts(const ToolDefinition& tool, const Config& config,
                                   const TaskOptions& options) {
  auto& shared_config = configs_[config.text()];
  if (!shared_config) shared_config = std::make_shared<const Config>(config);
  return {share(tools_, tool), shared_config, share(options_, options)};
}

TaskPtr TaskFactory::create_task(TaskType type, const ToolDefinition& tool, const Config& config,
                                 std::span<const TaskPtr> dependencies,
                                 const TaskOptions& options) {
  const TaskParts parts = share_parts(tool, config, options);
  const TaskKey key = key_of(parts, dependencies);
  TaskPtr task = make(type, key, parts, dependencies);
  if (!find(key)) add(task);
  return task;
}

TaskPtr TaskFactory::get_or_create_task(TaskType type, const ToolDefinition& tool,
                                        const Config& config, std::span<const TaskPtr> dependencies,
                                        const TaskOptions& options) {
  return get_or_create_task(type, share_parts(tool, config, options), dependencies);
}

TaskPtr TaskFactory::get_or_create_task(TaskType type, const TaskParts& parts,
                                        std::span<const TaskPtr> dependencies) {
  const TaskKey key = key_of(parts, dependencies);
  if (TaskPtr found = find(key)) return found;
  TaskPtr task = make(type, key, parts, dependencies);
  add(task);
  return task;
}

void TaskFactory::add(const TaskPtr& task) {
  registry_.push_back(task);
  by_key_.add(task->key, TaskId{registry_.size()});
}

WorkflowPtr WorkflowFactory::create_workflow(std::string name, std::vector<TaskPtr> tasks) {
  auto workflow = pool_.make();
  workflow->id = WorkflowId{counters_.workflow++};
  workflow->name = std::move(name);
  workflow->tasks = std::move(tasks);
  for (const TaskPtr& task : workflow->tasks) {
    CHECK(task != nullptr, "a workflow holds tasks");
    // Ids only grow, so a task that has this workflow already has it last.
    if (task->workflows.empty() || task->workflows.back() != workflow->id) {
      task->workflows.push_back(workflow->id);
    }
  }
  return workflow;
}

Result<PipelinePtr> PipelineFactory::create_pipeline(std::string name,
                                                     std::vector<WorkflowPtr> workflows,
                                                     DatasetReference dataset) {
  auto pipeline = std::make_shared<Pipeline>();
  for (const WorkflowPtr& workflow : workflows) {
    for (const TaskPtr& task : workflow->tasks) {
      if (number(task->pipeline) != 0) {
        return fail(
            ErrorCode::kConflict,
            to_string(task->id) + " already belongs to pipeline " + to_string(task->pipeline),
            workflow->name, "make new tasks for each pipeline");
      }
    }
  }
  pipeline->id = PipelineId{counters_.pipeline++};
  pipeline->name = std::move(name);
  pipeline->dataset = std::move(dataset);
  for (const WorkflowPtr& workflow : workflows) {
    for (const TaskPtr& task : workflow->tasks) {
      if (task->pipeline == pipeline->id) continue;
      task->pipeline = pipeline->id;
      pipeline->tasks.push_back(task);
    }
  }
  pipeline->tasks.shrink_to_fit();
  pipeline->workflows = std::move(workflows);
  return pipeline;
}

std::uint64_t renumber(Pipeline& pipeline, const IdCounters& made, IdCounters& counters) {
  const std::uint64_t task_shift = counters.task - 1;
  const std::uint64_t workflow_shift = counters.workflow - 1;
  pipeline.id = PipelineId{counters.pipeline};
  for (const TaskPtr& task : pipeline.tasks) {
    task->id = TaskId{number(task->id) + task_shift};
    task->pipeline = pipeline.id;
    task->dependencies.shift(task_shift);
    task->workflows.shift(workflow_shift);
  }
  for (const WorkflowPtr& workflow : pipeline.workflows) {
    workflow->id = WorkflowId{number(workflow->id) + workflow_shift};
  }
  counters.task += made.task - 1;
  counters.workflow += made.workflow - 1;
  counters.pipeline += 1;
  return task_shift;
}

}  // namespace landseer::domain
