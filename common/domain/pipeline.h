/// Pipelines: the combinations a user asked for, over shared tasks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/domain/task.h"
#include "common/domain/workflow_list.h"

namespace landseer::domain {

struct DatasetReference {
  std::string name;  ///< empty: the pipeline uses none
  std::string variant = "clean";
  std::string params = "{}";            ///< canonical JSON
  std::vector<std::string> required{};  ///< names in its folder, those of folders end with `/`
};

/// What a user submits. `tasks` are the distinct tasks in insertion order: workflows in order, then
/// the tasks inside each; ties of priority are broken by that order.
struct Pipeline {
  Pipeline() = default;
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  PipelineId id{};
  std::string name;
  DatasetReference dataset;
  std::vector<TaskPtr> tasks;
  WorkflowList workflows{tasks};
  std::vector<std::shared_ptr<const void>> owners;  ///< of the memory that its tasks are in
};

using PipelinePtr = std::shared_ptr<Pipeline>;

}  // namespace landseer::domain
