/// What people write for a pipeline or a task: `pipeline_3`, `3`, `last`, `1-5,8`, a name; `task_7`
/// or `7`. Pure.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/protocol/client_rows.h"

namespace landseer::client {

/// All pipelines that `text` names, in the order written, each once. `rows` is the whole list,
/// oldest first. kNotFound when something named does not exist (a range must exist as a whole),
/// kInvalid when a name fits several pipelines: the message lists them.
Result<std::vector<PipelineId>> select_pipelines(std::string_view text,
                                                 std::span<const protocol::PipelineRow> rows);

/// The same where one is wanted: kInvalid when `text` names several.
Result<PipelineId> select_pipeline(std::string_view text,
                                   std::span<const protocol::PipelineRow> rows);

/// kInvalid for anything else than `task_7` or `7`.
Result<TaskId> select_task(std::string_view text);

}  // namespace landseer::client
