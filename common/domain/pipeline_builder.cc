#include "common/domain/pipeline_builder.h"

#include "common/base/check.h"

namespace landseer::domain {
namespace {

constexpr std::uint32_t kNowhere = ~std::uint32_t{0};

}  // namespace

void enter_workflow(Task& task, WorkflowId workflow) {
  // Ids only grow, so a task that has this workflow already has it last.
  if (!task.workflows.empty() && task.workflows.back() == workflow) return;
  task.workflows.push_back(workflow);
}

PipelineBuilder::PipelineBuilder(PipelineId id, TaskId first, std::size_t ids)
    : pipeline_(std::make_shared<Pipeline>()), first_(first), places_(ids, kNowhere) {
  pipeline_->id = id;
}

void PipelineBuilder::add(const SharedTask& task) {
  const std::uint64_t offset = number(task->id) - number(first_);
  CHECK(offset < places_.size(), "ids are in the range that was named");
  std::uint32_t& place = places_[offset];
  const bool is_known = place != kNowhere && pipeline_->tasks[place] == task.get();
  if (!is_known) {  // a second task with this id is one, too: the scheduler will refuse both
    place = static_cast<std::uint32_t>(pipeline_->tasks.size());
    pipeline_->tasks.push_back(task.get());
    task->pipeline = pipeline_->id;
    keep(task);
  }
  pipeline_->workflows.add_task(place);
}

/// Tasks that were made one after the other mostly have one owner.
void PipelineBuilder::keep(const SharedTask& task) {
  const std::owner_less<> before;
  if (!before(last_owner_, task) && !before(task, last_owner_)) return;
  last_owner_ = task;
  owners_.insert(last_owner_);
}

PipelinePtr PipelineBuilder::finish() {
  pipeline_->tasks.shrink_to_fit();
  pipeline_->owners.assign(owners_.begin(), owners_.end());
  return std::move(pipeline_);
}

}  // namespace landseer::domain
