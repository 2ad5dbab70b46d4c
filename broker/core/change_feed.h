/// What changed, in order, as far as it is remembered: clients that follow everything ask for what
/// comes after a position. Noting costs a few nanoseconds; nothing here is stored.
#pragma once

#include <cstdint>
#include <deque>

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
};

}  // namespace landseer::broker
