/// From a decoded submission to a pipeline with its scheduler: everything is checked here, and
/// nothing exists in any table before all of it was found good.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "broker/core/pipeline_table.h"
#include "broker/core/request_table.h"
#include "broker/core/tool_times.h"
#include "common/domain/factories.h"
#include "common/protocol/submission.h"

namespace landseer::broker {

/// How long tasks of a tool are known to take.
using KnownTimes = std::function<std::optional<Duration>(const std::string& tool)>;
/// By tool, what a policy was told; nothing, if nobody knew.
using ToldTimes = std::map<std::string, std::optional<Duration>>;

/// A pipeline that belongs to no broker yet: its ids begin at 1, and its requests are in a table of
/// its own. It can be built anywhere, by any thread.
struct BuiltPipeline {
  std::unique_ptr<PipelineRecord> record;
  domain::IdCounters ids;  ///< the next ones
  RequestTable requests;
  ToldTimes told;  ///< empty: its policy does not look at times
};

/// Errors: kInvalid naming the part that is wrong, kLimit for what is too large. Ranked by what
/// `times` says.
Result<BuiltPipeline> build_pipeline(const protocol::Submission& submission,
                                     const KnownTimes& times);

/// It gets the next ids, the requests of `requests`, and is ranked by what is known by now. As if
/// it had been built with them; O(tasks), but a hundredth of that.
std::unique_ptr<PipelineRecord> adopt(BuiltPipeline built, domain::IdCounters& ids,
                                      RequestTable& requests, const ToolTimes& times, WallTime now);

/// Both. Uses ids from `ids` and interns requests only on success.
Result<std::unique_ptr<PipelineRecord>> build_pipeline(const protocol::Submission& submission,
                                                       domain::IdCounters& ids,
                                                       RequestTable& requests,
                                                       const ToolTimes& times, WallTime now);

}  // namespace landseer::broker
