/// From what the user wrote to ids, asking the broker only when an id alone does not settle it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/protocol/selection.h"
#include "submitter/cli/context.h"

namespace landseer::cli {

/// What a verb is done to: a pipeline, a task, workflows of one pipeline, or the tasks of a tool.
struct Target {
  protocol::Selection what;
  bool is_task() const { return number(what.task) != 0; }
  /// Neither a task nor a whole pipeline.
  bool is_part() const { return !what.tool.empty() || !what.workflows.empty() || what.pruned; }
  /// `pipeline_3`, `task_7`, `workflow_7 to workflow_9`, `pipeline_3, tool 'x'`.
  std::string text() const;
  /// `{"pipeline_id": ...}`, `{"task_id": ...}`, with `workflows` or `tool` for parts.
  nlohmann::ordered_json json() const;
  /// What to look at afterwards.
  std::string next() const;
};

/// `task_7`, `workflow_7-9,workflow_12`, or pipelines as find_pipelines() takes them; with `tool`
/// that tool's tasks in them.
Result<std::vector<Target>> find_targets(Context& context, const std::string& text,
                                         const std::string& tool = {});

/// A single id is not looked up: the broker's answer to the request that follows says whether it
/// exists.
Result<std::vector<PipelineId>> find_pipelines(Context& context, std::string_view text);
Result<PipelineId> find_pipeline(Context& context, std::string_view text);

}  // namespace landseer::cli
