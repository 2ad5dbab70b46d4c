#include "broker/core/change_feed.h"

#include "common/protocol/limits.h"

namespace landseer::broker {

void ChangeFeed::note(PipelineId pipeline, TaskId task) {
  if (kept_.size() >= protocol::kChangesKept) kept_.pop_front();
  kept_.push_back({pipeline, task});
  ++end_;
  while (!forgotten_.empty() && !remembers(forgotten_.front().first)) {
    owners_.erase(forgotten_.front().second);
    forgotten_.pop_front();
  }
}

void ChangeFeed::note_forgotten(PipelineId pipeline, const std::string& owner) {
  owners_[pipeline] = owner;
  forgotten_.emplace_back(end_, pipeline);
  note(pipeline);
}

const std::string* ChangeFeed::owner_of_forgotten(PipelineId pipeline) const {
  const auto known = owners_.find(pipeline);
  return known != owners_.end() ? &known->second : nullptr;
}

}  // namespace landseer::broker
