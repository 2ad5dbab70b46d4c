#include "common/domain/factories.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/domain/pipeline_builder.h"

namespace landseer::domain {
namespace {

constexpr std::size_t kBlockMax = 4096;  // unless room for more is wanted

}  // namespace

TaskFactory::TaskFactory(IdCounters& counters, KeyContext context, std::shared_ptr<PartStore> parts)
    : counters_(counters), context_(std::move(context)), parts_(std::move(parts)) {}

void TaskFactory::reserve(std::size_t tasks) {
  next_block_ = tasks;
  registry_.reserve(tasks);
  by_key_.reserve(tasks);
}

void TaskFactory::clear_task_registry() {
  registry_.clear();
  by_key_ = {};
}

TaskKey TaskFactory::key_of(const TaskParts& parts,
                            std::span<const SharedTask> dependencies) const {
  std::vector<TaskKey> keys;
  keys.reserve(dependencies.size());
  for (const SharedTask& dependency : dependencies) {
    CHECK(dependency != nullptr, "a dependency is a task");
    keys.push_back(dependency->key);
  }
  // A repeated dependency counts once, in the key as everywhere.
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return make_task_key(*parts.tool, parts.config.view(), *parts.options, context_, keys);
}

SharedTask TaskFactory::find(const TaskKey& key) const {
  SharedTask found;
  by_key_.find(key, [&](TaskId place) {
    const SharedTask& known = registry_[number(place) - 1];
    if (known->key == key) found = known;
    return found == nullptr;
  });
  return found;
}

SharedTask TaskFactory::new_task() {
  if (!block_ || block_->tasks.size() == block_->tasks.capacity()) {
    block_ = std::make_shared<Block>();
    block_->parts = parts_;
    block_->tasks.reserve(next_block_);
    next_block_ = std::min(2 * next_block_, kBlockMax);
  }
  return {block_, &block_->tasks.emplace_back()};
}

SharedTask TaskFactory::make(TaskType type, const TaskKey& key, const TaskParts& parts,
                             std::span<const SharedTask> dependencies) {
  SharedTask task = new_task();
  task->id = TaskId{counters_.task++};
  task->type = type;
  task->key = key;
  task->tool = parts.tool;
  task->config = parts.config;
  task->options = parts.options;
  for (const SharedTask& dependency : dependencies) {
    auto& ids = task->dependencies;
    if (std::find(ids.begin(), ids.end(), dependency->id) == ids.end()) {
      ids.push_back(dependency->id);
    }
  }
  return task;
}

TaskParts TaskFactory::share_parts(const ToolDefinition& tool, const Config& config,
                                   const TaskOptions& options) {
  const auto [text, is_new] = configs_.try_emplace(config.text());
  if (is_new) text->second = parts_->add(config);
  return {parts_->add(tool), parts_->add(options), text->second};
}

SharedTask TaskFactory::create_task(TaskType type, const ToolDefinition& tool, const Config& config,
                                    std::span<const SharedTask> dependencies,
                                    const TaskOptions& options) {
  const TaskParts parts = share_parts(tool, config, options);
  const TaskKey key = key_of(parts, dependencies);
  SharedTask task = make(type, key, parts, dependencies);
  if (!find(key)) add(task);
  return task;
}

SharedTask TaskFactory::get_or_create_task(TaskType type, const ToolDefinition& tool,
                                           const Config& config,
                                           std::span<const SharedTask> dependencies,
                                           const TaskOptions& options) {
  return get_or_create_task(type, share_parts(tool, config, options), dependencies);
}

SharedTask TaskFactory::get_or_create_task(TaskType type, const TaskParts& parts,
                                           std::span<const SharedTask> dependencies) {
  const TaskKey key = key_of(parts, dependencies);
  if (SharedTask found = find(key)) return found;
  SharedTask task = make(type, key, parts, dependencies);
  add(task);
  return task;
}

void TaskFactory::add(const SharedTask& task) {
  registry_.push_back(task);
  by_key_.add(task->key, TaskId{registry_.size()});
}

WorkflowPtr WorkflowFactory::create_workflow(std::string name, std::vector<SharedTask> tasks) {
  const WorkflowId id{counters_.workflow++};
  for (const SharedTask& task : tasks) {
    CHECK(task != nullptr, "a workflow holds tasks");
    enter_workflow(*task, id);
  }
  return std::make_shared<const NewWorkflow>(NewWorkflow{id, std::move(name), std::move(tasks)});
}

Result<PipelinePtr> PipelineFactory::create_pipeline(std::string name,
                                                     const std::vector<WorkflowPtr>& workflows,
                                                     DatasetReference dataset) {
  std::uint64_t first = counters_.task;
  std::uint64_t end = 0;
  for (const WorkflowPtr& workflow : workflows) {
    for (const SharedTask& task : workflow->tasks) {
      if (number(task->pipeline) != 0) {
        return fail(
            ErrorCode::kConflict,
            to_string(task->id) + " already belongs to pipeline " + to_string(task->pipeline),
            workflow->name, "make new tasks for each pipeline");
      }
      first = std::min(first, number(task->id));
      end = std::max(end, number(task->id) + 1);
    }
  }
  PipelineBuilder builder(PipelineId{counters_.pipeline++}, TaskId{first},
                          std::max(first, end) - first);
  builder.pipeline().name = std::move(name);
  builder.pipeline().dataset = std::move(dataset);
  for (const WorkflowPtr& workflow : workflows) {
    builder.begin_workflow(workflow->id, workflow->name);
    for (const SharedTask& task : workflow->tasks) builder.add(task);
  }
  return builder.finish();
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
  pipeline.workflows.shift(workflow_shift);
  counters.task += made.task - 1;
  counters.workflow += made.workflow - 1;
  counters.pipeline += 1;
  return task_shift;
}

}  // namespace landseer::domain
