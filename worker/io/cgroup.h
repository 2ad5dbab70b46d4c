/// Cgroups of attempts: what a tool and all it starts may use, what they used, and who they are,
/// wherever they hide. Linux has two kinds, one tree for each controller (v1) or one for all (v2);
/// hosts have either or both, and often may not be changed by us. Nothing here blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace landseer::worker {

/// Where to look, and as whom; a test says otherwise.
struct CgroupSources {
  std::string mounts = "/proc/self/mountinfo";
  std::string own = "/proc/self/cgroup";
  /// May use the top of each tree. Others keep below the cgroup they are in, if it is theirs.
  bool privileged = geteuid() == 0;
};

struct CgroupRequest {
  std::string name;                ///< relative: words separated by `/`
  std::uint64_t memory_bytes = 0;  ///< 0: no limit
  std::uint64_t pids_max = 0;      ///< 0: no limit
  /// A container engine makes cgroups of its own below: the tool's CPU time and memory are theirs.
  bool container = false;
};

struct CgroupUsage {
  std::uint64_t memory_peak_bytes = 0;  ///< with the page cache; 0: not known
  std::uint64_t cpu_us = 0;             ///< 0: not known
  std::uint64_t out_of_memory_kills = 0;
};

/// The cgroup of one attempt, in every tree that is of use to it.
class Cgroup {
 public:
  /// No cgroup: holds nobody, limits nothing.
  Cgroup() = default;
  explicit operator bool() const { return !parts_.empty(); }

  /// A process that writes `0` into each of these is in the cgroup with all it starts afterwards.
  std::vector<int> entrances() const;
  void close_entrances();

  CgroupUsage usage() const;
  /// Whether someone lives in it or below it.
  bool is_populated() const;
  /// Sends SIGKILL to everyone in it and below it, and lets nobody start another process. They may
  /// take a moment to go.
  void kill_all() const;
  /// Removes it and all below it. False while somebody lives there. One of v1 that only counts
  /// processes is kept under another name for the next one, which costs a third.
  bool remove();

 private:
  friend class CgroupRoot;
  struct Part {
    std::string folder;
    bool unified = false;
    bool memory = false;
    bool pids = false;
    bool cpu = false;
    UniqueFd entrance;  ///< open until the tool is started

    bool only_counts() const { return pids && !unified && !memory && !cpu; }
  };
  bool lay_aside() const;

  std::vector<Part> parts_;
  std::vector<std::string> engine_folders_;  ///< where only a container engine made something
  std::shared_ptr<std::vector<std::string>> spares_;  ///< of its root; none if it is not from there
};

/// The place where attempts' cgroups are made. One thread.
class CgroupRoot {
 public:
  /// Finds out what can be used, and prepares it: makes controllers available to what is below
  /// and, where v2 demands it, moves the processes of our own cgroup into a leaf below it.
  static CgroupRoot find(const CgroupSources& sources);

  /// Its name for container engines, such as `/`; empty: no cgroups can be made.
  const std::string& path() const { return path_; }
  /// The limits that are not enforced, in words; empty: all are.
  std::string unenforced() const;

  /// Makes a cgroup with these limits, or takes the one of this name that is there.
  Result<Cgroup> make(const CgroupRequest& request) const;
  /// What is left of one that was made by an executor before us.
  Cgroup find_left(const std::string& name) const;

 private:
  static bool set_limits(const Cgroup::Part& part, const CgroupRequest& request);
  bool take_spare(const Cgroup::Part& part, const CgroupRequest& request) const;
  struct Tree {
    std::string folder;  ///< below which ours are
    bool unified = false;
    bool memory = false;
    bool pids = false;
    bool cpu = false;
  };
  std::vector<Tree> trees_;               ///< those that are used
  std::vector<std::string> all_folders_;  ///< of those that a container engine may use
  std::string path_;
  std::shared_ptr<std::vector<std::string>> spares_ = std::make_shared<std::vector<std::string>>();
};

}  // namespace landseer::worker
