/// Puts a pipeline together, workflow by workflow; tasks come in the order in which they are met.
/// Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "common/domain/pipeline.h"

namespace landseer::domain {

/// A task's usage counter rises by one, unless it has this workflow, which then is its last one.
void enter_workflow(Task& task, WorkflowId workflow);

class PipelineBuilder {
 public:
  /// Of tasks whose ids are `first` or one of the following ones, `ids` in all.
  PipelineBuilder(PipelineId id, TaskId first, std::size_t ids);

  Pipeline& pipeline() { return *pipeline_; }
  void begin_workflow(WorkflowId id, std::string_view name) { pipeline_->workflows.add(id, name); }
  /// Adds it to the workflow that was begun last, and to the pipeline if it is new there.
  void add(const SharedTask& task);
  /// Once.
  PipelinePtr finish();

 private:
  void keep(const SharedTask& task);

  PipelinePtr pipeline_;
  TaskId first_;
  std::vector<std::uint32_t> places_;  // by id, from the first one on
  std::set<std::shared_ptr<const void>, std::owner_less<>> owners_;
  std::shared_ptr<const void> last_owner_;
};

}  // namespace landseer::domain
