#include "broker/core/change_feed.h"

#include "common/protocol/limits.h"

namespace landseer::broker {

void ChangeFeed::note(PipelineId pipeline, TaskId task) {
  if (kept_.size() >= protocol::kChangesKept) kept_.pop_front();
  kept_.push_back({pipeline, task});
  ++end_;
}

}  // namespace landseer::broker
