/// From a decoded submission to a pipeline with its scheduler: everything is checked here, and
/// nothing exists in any table before all of it was found good.
#pragma once

#include <memory>

#include "broker/core/pipeline_table.h"
#include "broker/core/request_table.h"
#include "broker/core/tool_times.h"
#include "common/domain/factories.h"
#include "common/protocol/submission.h"

namespace landseer::broker {

/// Ranked by what `times` lets expect. Uses ids from `ids` and interns requests only on success.
/// Errors: kInvalid naming the part that is wrong, kLimit for what is too large.
Result<std::unique_ptr<PipelineRecord>> build_pipeline(const protocol::Submission& submission,
                                                       domain::IdCounters& ids,
                                                       RequestTable& requests,
                                                       const ToolTimes& times, WallTime now);

}  // namespace landseer::broker
