/// From what the user wrote to ids, asking the broker only when an id alone does not settle it.
#pragma once

#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "submitter/cli/context.h"

namespace landseer::cli {

/// A single id is not looked up: the broker's answer to the request that follows says whether it
/// exists.
Result<std::vector<PipelineId>> find_pipelines(Context& context, std::string_view text);
Result<PipelineId> find_pipeline(Context& context, std::string_view text);

}  // namespace landseer::cli
