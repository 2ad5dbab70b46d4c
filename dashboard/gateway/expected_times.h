/// How long the tools of a pipeline take, asked from the broker at most every few seconds.
#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "dashboard/gateway/model.h"
#include "submitter/client/client.h"

namespace landseer::gateway {

/// Of a loaded pipeline, whose lock is not held.
Result<ToolTimes> expected_times(client::Client& client, SharedPipeline& pipeline,
                                 std::int64_t now_ms);

}  // namespace landseer::gateway
