/// Waiting for a pipeline: asks again and again until it has ended, rides out a broker that is
/// restarted, and stops for a signal or a time limit.
#pragma once

#include <functional>
#include <optional>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/protocol/client_messages.h"
#include "submitter/cli/context.h"

namespace landseer::cli {

inline bool is_ended(protocol::PipelineState state) {
  return state != protocol::PipelineState::kRunning && state != protocol::PipelineState::kPaused;
}

struct FollowOptions {
  std::optional<Instant> deadline;
  bool until_ended = false;  ///< no news in between
};

/// The last status seen. `timed_out`: the deadline passed before the pipeline ended; then there may
/// have been none.
struct Followed {
  protocol::PipelineStatus status;
  bool timed_out = false;
};

/// Calls `on_status` for the first status and each change, at most twice a second.
Result<Followed> follow(Context& context, PipelineId pipeline, const FollowOptions& options,
                        const std::function<void(const protocol::PipelineStatus&)>& on_status);

}  // namespace landseer::cli
