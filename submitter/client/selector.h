/// What people write for a pipeline, a task or workflows: `pipeline_3`, `3`, `last`, `1-5,8`, a
/// name; `task_7` or `7`; `workflow_7-9,workflow_12`. Pure.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/protocol/client_rows.h"
#include "common/protocol/selection.h"

namespace landseer::client {

/// All pipelines that `text` names, in the order written, each once. `rows` is the whole list,
/// oldest first. kNotFound when something named does not exist (a range must exist as a whole),
/// kInvalid when a name fits several pipelines: the message lists them.
Result<std::vector<PipelineId>> select_pipelines(std::string_view text,
                                                 std::span<const protocol::PipelineRow> rows);

/// The same where one is wanted: kInvalid when `text` names several.
Result<PipelineId> select_pipeline(std::string_view text,
                                   std::span<const protocol::PipelineRow> rows);

/// `workflow_7`, `workflow_7-9`, `workflow_7-workflow_9`, several with commas between them, where
/// only the first needs the word. kInvalid for anything else.
Result<std::vector<protocol::WorkflowRange>> select_workflows(std::string_view text);

/// kInvalid for anything else than `task_7` or `7`.
Result<TaskId> select_task(std::string_view text);

}  // namespace landseer::client
