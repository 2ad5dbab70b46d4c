/// Workflows and pipelines: the combinations a user asked for, over shared tasks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/domain/task.h"

namespace landseer::domain {

/// One combination of tools: tasks in the order they are applied.
struct Workflow {
  WorkflowId id{};
  std::string name;
  std::vector<TaskPtr> tasks;
};

using WorkflowPtr = std::shared_ptr<Workflow>;

struct DatasetReference {
  std::string name;  ///< empty: the pipeline uses none
  std::string variant = "clean";
  std::string params = "{}";            ///< canonical JSON
  std::vector<std::string> required{};  ///< names in its folder, those of folders end with `/`
};

/// What a user submits. `tasks` are the distinct tasks in insertion order: workflows in order, then
/// the tasks inside each; ties of priority are broken by that order.
struct Pipeline {
  PipelineId id{};
  std::string name;
  DatasetReference dataset;
  std::vector<WorkflowPtr> workflows;
  std::vector<TaskPtr> tasks;
};

using PipelinePtr = std::shared_ptr<Pipeline>;

}  // namespace landseer::domain
