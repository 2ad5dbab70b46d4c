/// One attempt in the executor: its tool, everything the tool started, its log and its deadlines.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "worker/io/attempt_files.h"
#include "worker/io/cgroup.h"
#include "worker/io/executor_messages.h"
#include "worker/io/helper_command.h"
#include "worker/io/log_capture.h"
#include "worker/io/process_table.h"
#include "worker/io/spawn.h"

namespace landseer::worker {

/// What all attempts of an executor share; the executor keeps it up to date.
struct Household {
  pid_t executor = 0;
  int dev_null = -1;
  std::uint64_t log_bytes_max = 0;
  std::vector<pid_t> tools{};  ///< started and not reaped; helper commands too
  CgroupRoot cgroups{};
  std::string cgroup_parent{};  ///< of the attempts' cgroups: to be removed at the end
};

/// Starts with the tool and is over when no process of the attempt is left. The executor calls
/// `on_reaped` for each child of its own that ended, `tick` when `next_deadline` has come, and
/// asks `is_over` after either.
///
/// What the tool leaves behind when it ends by itself is killed at once. When the attempt is being
/// stopped, everything gets SIGTERM at the same time, and what the tool leaves behind has the rest
/// of the grace: a shell may end before the program it ran has saved its state.
///
/// Who belongs to it is known in two ways: all in its cgroup, where there is one, and all whom
/// process_table.h finds, wherever they were moved.
class SupervisedProcess {
 public:
  /// The error is the reason for people: `cannot start PROG: No such file or directory`.
  static Result<std::unique_ptr<SupervisedProcess>> start(const Launch& launch, std::string token,
                                                          Household& household, Now now);
  /// For an attempt of an executor that died: nothing is known but that it must not go on.
  static std::unique_ptr<SupervisedProcess> adopt(const AttemptFiles::Remains& remains,
                                                  std::string token, Household& household);

  /// Ends the attempt with this verdict, unless it is over or being ended already.
  void stop(protocol::Outcome outcome, std::string reason, Instant now);
  /// False if the process is not known to be of this attempt.
  bool on_reaped(pid_t pid, int status, const rusage& usage, Instant now);
  /// Some child of the executor ended: what is left of this attempt may have changed.
  void on_family_changed() { check_due_ = true; }
  void tick(Instant now);
  std::optional<Instant> next_deadline() const;
  /// True once no process of the attempt is left, nor anything else. `childless`: the executor has
  /// no child at all.
  bool is_over(Instant now, bool childless);

  /// Call once, when it is over.
  Ended finish(Now now);
  Launched launched() const { return {launch_.key, tool_, started_.unix_ms}; }
  LogCapture& log() { return log_; }
  const std::string& slot() const { return launch_.slot; }

 private:
  SupervisedProcess(Household& household, Launch launch, std::string token);
  Result<void> spawn_tool(Now now);
  SpawnRequest make_request(Now now);
  std::vector<ProcessInfo> look_for_members(Instant now);
  void signal_all(int signal, Instant now);
  void kill_all(Instant now);
  void recheck_later(Instant now);
  bool are_processes_gone(Instant now, bool childless);
  bool is_cleaned_up(Instant now);
  bool is_container() const { return !launch_.remove_argv.empty(); }
  bool ran_out_of_memory() const;
  void describe_end(Ended& ended) const;

  struct Verdict {
    protocol::Outcome outcome;
    std::string reason;
  };

  Household& household_;
  Launch launch_;
  std::string token_;
  LogCapture log_;
  Cgroup cgroup_;
  CgroupUsage cgroup_usage_;  ///< at the end
  HelperCommand terminate_;
  HelperCommand kill_;
  HelperCommand remove_;
  bool remains_ = false;  ///< `remove_` must run before it is over
  pid_t tool_ = 0;        ///< leader of the attempt's session and of a process group
  bool tool_ended_ = false;
  int status_ = 0;
  Instant begun_;
  WallTime started_;
  std::optional<Verdict> verdict_;  ///< set by stop(): how the tool ends no longer matters
  std::vector<pid_t> members_;      ///< at the last look, to whom CPU time is charged
  bool check_due_ = false;
  std::optional<Instant> timeout_at_;
  std::optional<Instant> kill_at_;  ///< end of the grace: of the tool, or of what it left behind
  std::optional<Instant> recheck_at_;
  Duration recheck_pause_{};
  std::uint64_t cpu_us_ = 0;
  std::uint64_t memory_peak_bytes_ = 0;
};

}  // namespace landseer::worker
