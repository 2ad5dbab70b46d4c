/// What `logs -f` does when the log does not simply go on: waits for a first attempt, rides out a
/// broker that is restarted and a worker that is away, and finds the attempt that comes next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/protocol/client_messages.h"
#include "submitter/cli/context.h"

namespace landseer::cli {

class LogFollower {
 public:
  LogFollower(Context& context, TaskId task) : context_(context), task_(task) {}

  /// Until the task has more than `after` attempts: the number of the next one, or of the latest if
  /// `after` is 0. Empty when the task is over before.
  Result<std::optional<std::uint32_t>> wait_for_attempt_after(std::uint32_t after);
  /// After `error` while reading this attempt: rests, and says whether to go on reading (true) or
  /// the attempt is over, so that what could not be read will not come (false).
  Result<bool> ride_out(std::uint32_t attempt, const Error& error);
  /// Reading works again.
  void reset() { noted_ = false; }

 private:
  /// Of the broker, which may be silent for a while.
  Result<protocol::TaskDetail> ask();

  Context& context_;
  TaskId task_;
  bool noted_ = false;
};

}  // namespace landseer::cli
