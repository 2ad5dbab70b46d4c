/// Which processes belong to an attempt, from /proc. Linux keeps no such list for us: a tool's
/// process may start a session of its own and lose its parent. But the executor is a subreaper, so
/// it stays their ancestor, and each attempt has a session and a token of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/time.h"

namespace landseer::worker {

/// From /proc/PID/stat.
struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t start_ticks = 0;  ///< since boot
};

/// All processes this one can see. In the order of their numbers, so that one that starts another
/// and ends is missed only if the other is found.
std::vector<ProcessInfo> all_processes();

/// The processes with the number `first` and those given later, which is much cheaper when they
/// are few; empty if there are more than `numbers_max` numbers. Right only as long as the numbers
/// have not gone round. A thread with such a number looks like a process of the same family.
std::optional<std::vector<ProcessInfo>> processes_since(pid_t first, pid_t numbers_max);

/// `instant` (of net::now()) in the unit of ProcessInfo::start_ticks.
std::uint64_t to_ticks(Instant instant);

/// What tells one attempt's processes from others.
struct Kinship {
  pid_t executor = 0;
  pid_t tool = 0;  ///< leader of the attempt's session; 0 if an earlier executor started it
  std::uint64_t since_ticks = 0;  ///< when the tool was started
  std::string_view token;
  const std::vector<pid_t>* tools = nullptr;  ///< all attempts' tools that were not reaped
};

/// The processes in `table` that belong to the attempt: the tool, its descendants, and orphans
/// (children of the executor that are no tool) of its session or with its token. An orphan that
/// hides where it comes from counts as everyone's who was there when it started: better it dies
/// with the first attempt that ends than that it keeps a GPU. With `tool` 0 the executor need not
/// be an ancestor: whoever has the token and their descendants belong.
std::vector<ProcessInfo> attempt_members(const std::vector<ProcessInfo>& table,
                                         const Kinship& kinship);

}  // namespace landseer::worker
