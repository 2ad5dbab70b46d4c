/// How much memory and how many files the process uses, and what is done when it is too much: no
/// new submissions at first, then connections end, those first that hold most and give least.
/// docs/operations.md, "Capacity". Each thread with sockets has its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "common/net/connections.h"

namespace landseer::broker {

/// Three quarters of what this process may use: of its cgroup's limit, or of the machine's memory.
std::uint64_t default_memory_limit();

/// The least that the cgroup `path`, below `root`, and those above it allow, in bytes; the largest
/// number if none of them has a limit.
std::uint64_t cgroup_memory_limit(const std::string& root, const std::string& path);

class LoadGuard {
 public:
  explicit LoadGuard(std::uint64_t memory_limit);

  /// Looks at most once a second, and then does with the connections what the load demands.
  void look(Instant now, net::Connections* first, net::Connections* second = nullptr);
  /// When to look again at the latest.
  Duration until_next(Instant now) const;

  /// New submissions would not do: above three quarters of the limit.
  bool memory_is_short() const { return used_ > memory_limit_ / 4 * 3; }
  /// So few files are left that nobody new is heard.
  bool files_are_short() const { return files_ > kFilesFew; }
  std::uint64_t used() const { return used_; }
  std::uint64_t memory_limit() const { return memory_limit_; }

 private:
  std::uint64_t resident() const;
  void relieve(net::Connections& connections);
  void tell();

  static constexpr double kFilesMany = 0.75;  ///< of the limit: who says nothing goes
  static constexpr double kFilesFew = 0.875;

  std::uint64_t memory_limit_;
  UniqueFd statm_;
  std::uint64_t used_ = 0;
  double files_ = 0;
  Instant next_look_;
  Instant next_trim_;
  int told_ = 0;  ///< quarters of the limit above two, as logged last
};

}  // namespace landseer::broker
