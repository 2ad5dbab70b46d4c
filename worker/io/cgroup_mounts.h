/// Where the trees of cgroups are, and how v2's are prepared for cgroups of our own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace landseer::worker {

struct CgroupMount {
  std::string folder;                    ///< of the cgroup below which we make ours
  std::vector<std::string> controllers;  ///< of v2: those we are given
  bool has(std::string_view controller) const;
  bool is_writable() const;
};

struct CgroupMounts {
  std::vector<CgroupMount> v1;
  std::optional<CgroupMount> v2;
  std::string v1_path;  ///< of the folders, from the top of the tree
  std::string v2_path;
};

/// `mounts` and `own` as in /proc/self/mountinfo and /proc/self/cgroup. `top`: the folders are the
/// tops of the trees; else the cgroups we are in.
CgroupMounts read_cgroup_mounts(const std::string& mounts, const std::string& own, bool top);

/// Lets the cgroups below `folder`, one of v2, use memory and pids. False, with errno, if one of
/// them that is there cannot be had: EBUSY if processes live in the folder itself.
bool pass_controllers_down(const std::string& folder);

/// Moves the processes of this cgroup of v2 into a leaf below it, `landseer-worker`.
bool leave_to_leaf(const std::string& folder);

}  // namespace landseer::worker
