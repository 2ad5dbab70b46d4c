/// What changed, in order, as far as it is remembered: clients that follow everything ask for what
/// comes after a position. Noting costs a few nanoseconds; nothing here is stored.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "common/base/ids.h"

namespace landseer::broker {

struct Change {
  PipelineId pipeline{};
  TaskId task{};  ///< none: only the pipeline itself
};

/// Bounded by protocol::kChangesKept.
class ChangeFeed {
 public:
  /// Positions of different starts of the broker never meet.
  explicit ChangeFeed(std::uint64_t epoch) : end_(epoch << 32) {}

  void note(PipelineId pipeline, TaskId task = {});
  /// The last change of a pipeline. Whose it was is known as long as the change is.
  void note_forgotten(PipelineId pipeline, const std::string& owner);
  /// Null: it is not forgotten, or that is too long ago.
  const std::string* owner_of_forgotten(PipelineId pipeline) const;
  /// After the newest change.
  std::uint64_t end() const { return end_; }
  /// Whether all that came after `position` is still known.
  bool remembers(std::uint64_t position) const {
    return position <= end_ && end_ - position <= kept_.size();
  }
  /// The change that leads from `position` to the next; it is remembered and not the end.
  const Change& at(std::uint64_t position) const {
    return kept_[static_cast<std::size_t>(position - (end_ - kept_.size()))];
  }

 private:
  std::deque<Change> kept_;
  std::uint64_t end_;
  std::map<PipelineId, std::string> owners_;                    // of those that are forgotten
  std::deque<std::pair<std::uint64_t, PipelineId>> forgotten_;  // the same, by position
};

}  // namespace landseer::broker
