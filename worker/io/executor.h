/// The executor: the small process of a worker that starts, limits, watches and kills tools.
///
/// It is separate from the agent so that an agent can be killed, upgraded and restarted while a
/// tool runs for hours. Agents come and go on a Unix socket, the newest one counts. Tools go on
/// without an agent until the lease that the last one renewed is over, and then are stopped. An
/// executor with no agent, no tool and no lease left ends by itself.
///
/// One thread, one loop, no polling: it sleeps until a descriptor or the next deadline wakes it.
/// It is the subreaper of all tools and so stays the ancestor of everything they start. An attempt
/// has ended when no process of it is left, not before.
///
/// Measured and reported: CPU time and memory peak. Enforced: the time limit, the log's size, no
/// core dumps; and, where cgroups can be made (cgroup.h), memory and the number of processes.
#pragma once

#include <cstdint>
#include <string>

#include "worker/io/cgroup.h"

namespace landseer::worker {

/// A tool's log file: head up to this, then a note and the very end.
inline constexpr std::uint64_t kLogFileBytesMax = 64ULL * 1024 * 1024;

struct ExecutorOptions {
  std::string socket_path;   ///< its folder exists; `SOCKET.lock` lies beside it
  std::string state_folder;  ///< state files and executor.log; made if absent
  std::uint64_t log_bytes_max = kLogFileBytesMax;
  std::uint64_t lease_ms = 120'000;  ///< until the first Renew
  CgroupSources cgroups{};
  std::uint64_t files = 0;  ///< that it and tools may have open; 0: as many as who started it
};

/// Written to standard output, as a line, once agents can connect; or kExecutorBusy if another
/// executor has the socket; or the reason why it cannot start. Standard output is closed then.
inline constexpr const char* kExecutorReady = "ready";
inline constexpr const char* kExecutorBusy = "busy";

/// `landseer-worker executor --socket PATH --state DIR`. Goes to the background: the calling
/// process leaves with exit code 0 at once, its child runs the loop and leaves with the returned
/// exit code. Must be called from a process without threads.
int run_executor(ExecutorOptions options);

}  // namespace landseer::worker
