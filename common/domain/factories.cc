#include "common/domain/factories.h"

#include <algorithm>
#include <unordered_set>

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

TaskKey TaskFactory::key_of(const ToolDefinition& tool, const Config& config,
                            std::span<const TaskPtr> dependencies,
                            const TaskOptions& options) const {
  std::vector<TaskKey> keys;
  keys.reserve(dependencies.size());
  for (const TaskPtr& dependency : dependencies) {
    CHECK(dependency != nullptr, "a dependency is a task");
    keys.push_back(dependency->key);
  }
  // A repeated dependency counts once, in the key as everywhere.
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return make_task_key(tool, config, options, context_, keys);
}

TaskPtr TaskFactory::make(TaskType type, const TaskKey& key, const ToolDefinition& tool,
                          const Config& config, std::span<const TaskPtr> dependencies,
                          const TaskOptions& options) {
  auto task = std::make_shared<Task>();
  task->id = TaskId{counters_.task++};
  task->type = type;
  task->key = key;
  task->tool = share(tools_, tool);
  task->options = share(options_, options);
  auto& shared_config = configs_[config.text()];
  if (!shared_config) shared_config = std::make_shared<const Config>(config);
  task->config = shared_config;
  for (const TaskPtr& dependency : dependencies) {
    auto& ids = task->dependencies;
    if (std::find(ids.begin(), ids.end(), dependency->id) == ids.end()) {
      ids.push_back(dependency->id);
    }
  }
  registry_.emplace(key, task);
  return task;
}

TaskPtr TaskFactory::create_task(TaskType type, const ToolDefinition& tool, const Config& config,
                                 std::span<const TaskPtr> dependencies,
                                 const TaskOptions& options) {
  return make(type, key_of(tool, config, dependencies, options), tool, config, dependencies,
              options);
}

TaskPtr TaskFactory::get_or_create_task(TaskType type, const ToolDefinition& tool,
                                        const Config& config, std::span<const TaskPtr> dependencies,
                                        const TaskOptions& options) {
  const TaskKey key = key_of(tool, config, dependencies, options);
  const auto found = registry_.find(key);
  if (found != registry_.end()) return found->second;
  return make(type, key, tool, config, dependencies, options);
}

WorkflowPtr WorkflowFactory::create_workflow(std::string name, std::vector<TaskPtr> tasks) {
  auto workflow = std::make_shared<Workflow>();
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
  std::unordered_set<const Task*> seen;
  // Most workflows add a task or two; the rest they share.
  seen.reserve(2 * workflows.size());
  for (const WorkflowPtr& workflow : workflows) {
    for (const TaskPtr& task : workflow->tasks) {
      if (number(task->pipeline) != 0) {
        return fail(
            ErrorCode::kConflict,
            to_string(task->id) + " already belongs to pipeline " + to_string(task->pipeline),
            workflow->name, "make new tasks for each pipeline");
      }
      if (seen.insert(task.get()).second) pipeline->tasks.push_back(task);
    }
  }
  pipeline->id = PipelineId{counters_.pipeline++};
  pipeline->name = std::move(name);
  pipeline->dataset = std::move(dataset);
  pipeline->workflows = std::move(workflows);
  for (const TaskPtr& task : pipeline->tasks) task->pipeline = pipeline->id;
  return pipeline;
}

}  // namespace landseer::domain
