/// Background processes of `up` and `down`: starting one and waiting until it says it is ready,
/// recognising it later, ending it. Linux only. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace landseer::cli {

/// A process number alone is reused in time; with the start time it names one process for ever.
struct ProcessRef {
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;  ///< field 22 of /proc/PID/stat, clock ticks since boot
  bool operator==(const ProcessRef&) const = default;
};

struct Started {
  ProcessRef process;
  std::string ready_line;  ///< without its newline
};

/// Starts `arguments` (the first is the program's path) in a session of its own, stderr appended to
/// `log_path`, and waits for its first line on stdout. kIo when it cannot be started, ends before
/// that line, or stays silent longer than `limit` (then it is killed); `where` is the log.
Result<Started> start_in_background(const std::vector<std::string>& arguments,
                                    const std::string& log_path, Duration limit);

/// True while that very process lives.
bool is_alive(const ProcessRef& process);

enum class Ending { kWasGone, kEnded, kKilled };

/// SIGTERM to all that live, then SIGKILL to those that have not ended within `patience`.
/// Parallel to `processes`.
std::vector<Ending> end_processes(const std::vector<ProcessRef>& processes, Duration patience);

/// The folder of the running program.
std::string program_folder();

}  // namespace landseer::cli
