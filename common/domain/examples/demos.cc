/// Three demonstrations of the scheduler in process, without broker or network: basic usage,
/// sharing of equal work, priorities. `landseer-demos` runs all, `landseer-demos 2` the second.
/// docs/library.md explains what they show.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "common/domain/factories.h"
#include "common/domain/priority_scheduler.h"

namespace {

using namespace landseer;
using namespace landseer::domain;

/// An example stops at the first error; a program of yours would report it.
template <class T>
T expect(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "error: %s\n", result.error().to_string().c_str());
  std::exit(1);
}

ToolDefinition tool(const std::string& name, bool is_baseline = false) {
  return {name, {"registry.example/" + name + ":v1", "python3 main.py", {}}, is_baseline};
}

Config stage(TaskType type) { return Config({{"stage", stage_key(type)}}); }

void title(const char* text) { std::printf("\n=== %s ===\n", text); }

/// A workflow is a chain: each task depends on the one before it.
class Chain {
 public:
  explicit Chain(TaskFactory& factory) : factory_(factory) {}

  Chain& then(TaskType type, const std::string& name) {
    std::vector<SharedTask> before;
    if (!tasks_.empty()) before.push_back(tasks_.back());
    tasks_.push_back(factory_.get_or_create_task(type, tool(name), stage(type), before));
    return *this;
  }
  const std::vector<SharedTask>& tasks() const { return tasks_; }

 private:
  TaskFactory& factory_;
  std::vector<SharedTask> tasks_;
};

void print_progress(const Scheduler& scheduler) {
  const Progress progress = scheduler.get_progress();
  std::printf("progress: %llu of %llu completed, %llu running, %llu pending, %llu failed\n",
              static_cast<unsigned long long>(progress.completed),
              static_cast<unsigned long long>(progress.total),
              static_cast<unsigned long long>(progress.running),
              static_cast<unsigned long long>(progress.pending),
              static_cast<unsigned long long>(progress.failed));
}

void run_all(Scheduler& scheduler) {
  int step = 0;
  while (const TaskPtr task = scheduler.get_next_task()) {
    std::printf("%2d. %-8s %-21s priority %5lld\n", ++step, to_string(task->id).c_str(),
                task->tool->name.c_str(), static_cast<long long>(task->priority));
    expect(scheduler.update_task_status(task->id, TaskStatus::kCompleted));
  }
}

/// One workflow of four tools, run from start to end.
void basic_usage() {
  title("1. Basic usage");
  IdCounters ids;
  TaskFactory tasks(ids);
  Chain chain(tasks);
  chain.then(TaskType::kPreTraining, "outlier_removal")
      .then(TaskType::kInTraining, "adversarial_training")
      .then(TaskType::kPostTraining, "fine_pruning")
      .then(TaskType::kDeployment, "magnet");
  const auto workflow = WorkflowFactory(ids).create_workflow("full_defence", chain.tasks());
  const auto pipeline = expect(PipelineFactory(ids).create_pipeline("basic", {workflow}));
  const auto scheduler = expect(PriorityScheduler::create(pipeline));

  std::printf("%s has %zu workflow and %zu tasks\n", to_string(pipeline->id).c_str(),
              pipeline->workflows.size(), pipeline->tasks.size());
  print_progress(*scheduler);
  run_all(*scheduler);
  print_progress(*scheduler);
  std::printf("complete: %s\n", scheduler->is_complete() ? "yes" : "no");
}

/// Three workflows that begin alike: what they share exists once.
void sharing() {
  title("2. Equal work exists once");
  IdCounters ids;
  TaskFactory tasks(ids);
  WorkflowFactory workflows(ids);
  std::vector<WorkflowPtr> made;
  std::size_t instances = 0;
  for (const char* last : {"fine_pruning", "weight_noise", "distillation"}) {
    Chain chain(tasks);
    chain.then(TaskType::kPreTraining, "outlier_removal")
        .then(TaskType::kInTraining, "adversarial_training")
        .then(TaskType::kPostTraining, last);
    instances += chain.tasks().size();
    made.push_back(workflows.create_workflow(std::string("with_") + last, chain.tasks()));
  }
  const auto pipeline = expect(PipelineFactory(ids).create_pipeline("sharing", made));
  std::printf("%zu workflows ask for %zu tasks; %zu are different\n", made.size(), instances,
              pipeline->tasks.size());
  for (const TaskPtr& task : pipeline->tasks) {
    std::printf("  %-21s key %.12s...  in %u workflow%s\n", task->tool->name.c_str(),
                task->key.hex().c_str(), task->usage_counter(),
                task->usage_counter() == 1 ? "" : "s");
  }
  const auto scheduler = expect(PriorityScheduler::create(pipeline));
  run_all(*scheduler);
}

/// Four workflows of different length that share their beginnings.
PipelinePtr make_priorities_pipeline(IdCounters& ids) {
  TaskFactory tasks(ids);
  WorkflowFactory workflows(ids);
  const auto begin = [&tasks] {
    return Chain(tasks).then(TaskType::kPreTraining, "outlier_removal");
  };
  const auto pruned = [&begin] {
    return begin()
        .then(TaskType::kInTraining, "adversarial_training")
        .then(TaskType::kPostTraining, "fine_pruning");
  };
  const std::vector<WorkflowPtr> made{
      workflows.create_workflow("detector", pruned().then(TaskType::kDeployment, "magnet").tasks()),
      workflows.create_workflow("noisy", pruned().then(TaskType::kDeployment, "dp_output").tasks()),
      workflows.create_workflow("undeployed", pruned().tasks()),
      workflows.create_workflow("plain",
                                begin().then(TaskType::kInTraining, "plain_training").tasks())};
  return expect(PipelineFactory(ids).create_pipeline("priorities", made));
}

/// What many workflows share runs early. The two policies differ in what "early" means for a task
/// deep inside its workflow.
void priorities() {
  title("3. Priorities");
  for (const char* policy : {"landseer", "depth"}) {
    IdCounters ids;
    const auto pipeline = make_priorities_pipeline(ids);
    const auto scheduler = expect(PriorityScheduler::create(pipeline, expect(make_policy(policy))));
    std::printf("policy %s\n", policy);
    for (const auto& [level, at_level] : scheduler->get_priority_levels()) {
      std::printf("  %zu task%s with %u direct dependenc%s, the most shared: %s\n", at_level.size(),
                  at_level.size() == 1 ? "" : "s", level, level == 1 ? "y" : "ies",
                  at_level.front()->tool->name.c_str());
    }
    run_all(*scheduler);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string chosen = argc > 1 ? argv[1] : "";
  const std::pair<const char*, void (*)()> demos[] = {
      {"1", basic_usage}, {"2", sharing}, {"3", priorities}};
  bool known = chosen.empty();
  for (const auto& [number, run] : demos) {
    if (!chosen.empty() && chosen != number) continue;
    known = true;
    run();
  }
  if (known) return 0;
  std::fprintf(stderr, "landseer-demos: there are demonstrations 1, 2 and 3\n");
  return 2;
}
