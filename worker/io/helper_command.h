/// A command that the executor runs for an attempt besides its tool: to stop, kill or remove what
/// is more than a process of ours, such as a container.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace landseer::worker {

struct Household;

/// A child of the executor, in a session of its own and never counted as the attempt's. What it
/// says on standard error goes to executor.log. It is killed when it takes too long, and run again
/// after a pause, which doubles, until it ends with exit code 0. The executor calls `on_reaped` for
/// its children and `tick` when `next_deadline` has come. Used by one thread.
class HelperCommand {
 public:
  static constexpr Duration kTimeLimit = std::chrono::seconds(30);
  static constexpr Duration kPauseFirst = std::chrono::milliseconds(100);
  static constexpr Duration kPauseMax = std::chrono::seconds(30);

  /// `argv` empty: there is nothing to do, and it is done.
  HelperCommand(Household& household, std::vector<std::string> argv);
  /// Kills it if it runs.
  ~HelperCommand();
  HelperCommand(const HelperCommand&) = delete;
  HelperCommand& operator=(const HelperCommand&) = delete;

  /// Once; later calls change nothing.
  void start(Instant now);
  /// It is of no use any more: not to be run again. One that runs goes on.
  void give_up();
  bool is_done() const { return done_; }

  /// False if it is not this command's process.
  bool on_reaped(pid_t pid, int status, Instant now);
  void tick(Instant now);
  std::optional<Instant> next_deadline() const;

 private:
  void run(Instant now);
  void run_later(Instant now);

  Household& household_;
  std::vector<std::string> argv_;
  bool done_ = false;
  bool started_ = false;
  bool is_last_ = false;
  pid_t pid_ = 0;
  std::optional<Instant> kill_at_;
  std::optional<Instant> again_at_;
  Duration pause_{};
};

}  // namespace landseer::worker
