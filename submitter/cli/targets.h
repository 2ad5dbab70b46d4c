/// From what the user wrote to ids, asking the broker only when an id alone does not settle it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "submitter/cli/context.h"

namespace landseer::cli {

/// What a verb is done to: a pipeline or, if `task` is not 0, a task.
struct Target {
  PipelineId pipeline{};
  TaskId task{};
  bool is_task() const { return number(task) != 0; }
  std::string id() const { return is_task() ? to_string(task) : to_string(pipeline); }
  const char* id_field() const { return is_task() ? "task_id" : "pipeline_id"; }
};

/// `task_7`, or pipelines as find_pipelines() takes them.
Result<std::vector<Target>> find_targets(Context& context, const std::string& text);

/// A single id is not looked up: the broker's answer to the request that follows says whether it
/// exists.
Result<std::vector<PipelineId>> find_pipelines(Context& context, std::string_view text);
Result<PipelineId> find_pipeline(Context& context, std::string_view text);

}  // namespace landseer::cli
