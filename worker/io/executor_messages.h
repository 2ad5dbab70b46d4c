/// What the agent and the executor of one worker tell each other over their Unix socket.
///
/// The executor outlives agents and may be older or newer than the one that talks to it. So fields
/// are only ever added, a missing one keeps its default and an unknown one is ignored.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/protocol/attempt.h"
#include "worker/core/effects.h"

namespace landseer::worker {

/// For a tool that names no limit: far above what tools use, far below what harms a host.
inline constexpr std::uint64_t kPidsMax = 8192;

// --- Agent to executor ---

/// Start a tool. Answered by Launched, then Ended; by Ended alone if it could not be started.
/// Repeating one for an attempt the executor has only repeats the answer.
struct Launch {
  AttemptKey key;
  std::vector<std::string> argv;   ///< a first word without a slash is looked up in `env`'s PATH
  std::vector<std::string> env;    ///< NAME=VALUE: the complete environment
  std::string cwd;                 ///< absolute
  std::string log_path;            ///< absolute; its folder exists
  std::uint64_t timeout_ms = 0;    ///< 0: none
  std::uint64_t grace_ms = 0;      ///< between SIGTERM and SIGKILL
  std::uint64_t memory_bytes = 0;  ///< 0: no limit. Enforced where there is a cgroup
  /// Helper commands, for tools that are more than processes of ours (containers); empty: none.
  /// Each is a child of the executor with a time limit of its own, and not part of the attempt.
  /// With a `remove_argv` only what `argv` started gets SIGTERM, and is to pass it on.
  std::vector<std::string> terminate_argv{};  ///< run when SIGTERM is sent
  std::vector<std::string> kill_argv{};       ///< run when SIGKILL is sent
  /// Run after the last process, if the tool was stopped or ended by a signal, and for leftovers;
  /// of a remote one whenever it did not succeed.
  /// Exits 0 once nothing is left. Repeated until then; the attempt is not over before.
  std::vector<std::string> remove_argv{};
  std::string cgroup{};        ///< name of the attempt's cgroup, relative; empty: none
  std::uint64_t pids_max = 0;  ///< processes and threads at a time; 0: kPidsMax
  /// `argv` is only the client of a service that runs the tool: nothing of it is measured here, and
  /// the tool may go on when the client ends.
  bool remote = false;
  /// Variables that tell when the time limit ends, besides LANDSEER_DEADLINE.
  std::vector<std::string> deadline_names{};
  bool operator==(const Launch&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("key", m.key);
    visit("argv", m.argv);
    visit("env", m.env);
    visit("cwd", m.cwd);
    visit("log_path", m.log_path);
    visit("timeout_ms", m.timeout_ms);
    visit("grace_ms", m.grace_ms);
    visit("memory_bytes", m.memory_bytes);
    visit("terminate_argv", m.terminate_argv);
    visit("kill_argv", m.kill_argv);
    visit("remove_argv", m.remove_argv);
    visit("cgroup", m.cgroup);
    visit("pids_max", m.pids_max);
    visit("remote", m.remote);
    visit("deadline_names", m.deadline_names);
  }
};

/// End the attempt: SIGTERM, grace, SIGKILL. Answered by Ended, whatever the attempt's state.
struct Halt {
  AttemptKey key;
  bool operator==(const Halt&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("key", m.key);
  }
};

/// The lease of all attempts ends this long after now, and not later than `until_ms` of
/// CLOCK_BOOTTIME, which both sides share: a message may lie in the socket while the machine
/// sleeps.
struct Renew {
  std::uint64_t remaining_ms = 0;
  std::uint64_t until_ms = 0;  ///< 0: an older agent, which does not say
  bool operator==(const Renew&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("remaining_ms", m.remaining_ms);
    visit("until_ms", m.until_ms);
  }
};

/// The agent has the attempt's Ended safe: the executor need not keep it. No answer.
struct Forget {
  AttemptKey key;
  bool operator==(const Forget&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("key", m.key);
  }
};

/// Stop everything (each with its grace), report it, and exit.
struct Quit {
  bool operator==(const Quit&) const = default;
  template <class Self, class Visit>
  static void fields(Self&, Visit&&) {}
};

// --- Executor to agent ---

struct Launched {
  AttemptKey key;
  std::int32_t pid = 0;            ///< 0: not known any more
  std::int64_t started_at_ms = 0;  ///< Unix time, as all times here; 0: not known
  bool operator==(const Launched&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("key", m.key);
    visit("pid", m.pid);
    visit("started_at_ms", m.started_at_ms);
  }
};

/// No process of the attempt is left. Kept, and sent to every new agent, until Forget.
struct Ended {
  AttemptKey key;
  protocol::Outcome outcome = protocol::Outcome::kRuntimeError;
  std::int32_t exit_code = 0;      ///< or the signal's number
  std::string reason;              ///< in words, empty on success
  std::string log_tail;            ///< last whole lines, valid UTF-8
  std::int64_t started_at_ms = 0;  ///< 0: it never started
  std::int64_t finished_at_ms = 0;
  std::uint64_t cpu_ms = 0;
  std::uint64_t memory_peak_bytes = 0;  ///< of all; without a cgroup of the largest process
  bool host_is_well = false;            ///< as in AttemptResult
  bool operator==(const Ended&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("key", m.key);
    visit("outcome", m.outcome);
    visit("exit_code", m.exit_code);
    visit("reason", m.reason);
    visit("log_tail", m.log_tail);
    visit("started_at_ms", m.started_at_ms);
    visit("finished_at_ms", m.finished_at_ms);
    visit("cpu_ms", m.cpu_ms);
    visit("memory_peak_bytes", m.memory_peak_bytes);
    visit("host_is_well", m.host_is_well);
  }
};

/// Greets a new agent, after one Ended for each attempt that is over and not forgotten. What is in
/// neither does not exist.
struct Inventory {
  std::vector<Launched> running;
  /// The cgroup that Launch::cgroup is below, as container engines name it; empty: there is none.
  std::string cgroup_root{};
  std::string unenforced{};  ///< which limits are not enforced here, in words; empty: all are
  bool operator==(const Inventory&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("running", m.running);
    visit("cgroup_root", m.cgroup_root);
    visit("unenforced", m.unenforced);
  }
};

/// Order gives the number on the link: append only.
using ToExecutor = std::variant<Launch, Halt, Renew, Forget, Quit>;
using FromExecutor = std::variant<Launched, Ended, Inventory>;

/// Set in every tool's environment, to the path of the attempt's state file: it tells an attempt's
/// processes from all others on the machine.
inline constexpr std::string_view kTokenVariable = "LANDSEER_ATTEMPT_TOKEN";
/// The same for container engines: of its own environment podman gives its monitor, conmon, only
/// what begins like this.
inline constexpr std::string_view kTokenAlias = "LC_LANDSEER_ATTEMPT_TOKEN";
/// Set for a tool with a time limit: when that ends, in whole seconds of Unix time.
inline constexpr std::string_view kDeadlineVariable = "LANDSEER_DEADLINE";

}  // namespace landseer::worker
