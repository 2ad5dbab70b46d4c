#include "worker/io/cgroup_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>

#include "common/base/unique_fd.h"

namespace landseer::worker {
namespace {

constexpr std::string_view kLeaf = "/landseer-worker";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, separator);) words.push_back(word);
  return words;
}

/// Controller (v2: none) to the path of our own cgroup in its tree.
using OwnPaths = std::map<std::string, std::string>;

OwnPaths read_own(const std::string& file) {
  OwnPaths paths;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (names.empty()) paths[""] = path;
    for (const std::string& name : split(names, ',')) paths[name] = path;
  }
  return paths;
}

/// The path below the mount: a container may see a part of the tree only.
std::string below(const std::string& mount_root, std::string path) {
  if (mount_root != "/" && path.starts_with(mount_root)) path.erase(0, mount_root.size());
  return path == "/" ? std::string() : path;
}

std::string without_leaf(std::string path) {
  if (path.ends_with(kLeaf)) path.erase(path.size() - kLeaf.size());
  return path.empty() ? "/" : path;
}

std::vector<std::string> read_words(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

bool write_to(const std::string& path, const std::string& text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

bool CgroupMount::has(std::string_view controller) const {
  return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

bool CgroupMount::is_writable() const {
  return access(folder.c_str(), W_OK | X_OK) == 0 &&
         access((folder + "/cgroup.procs").c_str(), W_OK) == 0;
}

/// proc_pid_mountinfo(5): the fields that may be many end with a lone `-`.
CgroupMounts read_cgroup_mounts(const std::string& mounts, const std::string& own, bool top) {
  CgroupMounts found;
  OwnPaths paths = read_own(own);
  std::ifstream lines(mounts);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 5 || fields.end() - dash < 4) continue;
    const std::string& type = dash[1];
    const std::string& root = fields[3];
    if (type == "cgroup2") {
      const std::string path = top ? "/" : without_leaf(paths[""]);
      CgroupMount mount{fields[4] + below(root, path), {}};
      mount.controllers = read_words(mount.folder + "/cgroup.controllers");
      found.v2_path = path;
      found.v2 = std::move(mount);
    } else if (type == "cgroup") {
      const std::vector<std::string> options = split(dash[3], ',');
      const auto named = std::find_if(options.begin(), options.end(), [&](const auto& option) {
        return option != "rw" && option != "ro" && paths.contains(option);
      });
      const std::string path = top || named == options.end() ? "/" : paths[*named];
      found.v1.push_back({fields[4] + below(root, path), options});
      if (found.v1_path.empty() || std::count(options.begin(), options.end(), "pids") != 0) {
        found.v1_path = path;
      }
    }
  }
  return found;
}

bool pass_controllers_down(const std::string& folder) {
  const std::vector<std::string> had = read_words(folder + "/cgroup.controllers");
  const std::vector<std::string> passed = read_words(folder + "/cgroup.subtree_control");
  for (const std::string name : {"memory", "pids"}) {
    const bool is_there = std::find(had.begin(), had.end(), name) != had.end();
    const bool is_passed = std::find(passed.begin(), passed.end(), name) != passed.end();
    if (is_there && !is_passed && !write_to(folder + "/cgroup.subtree_control", "+" + name)) {
      return false;
    }
  }
  return true;
}

bool leave_to_leaf(const std::string& folder) {
  const std::string leaf = folder + std::string(kLeaf);
  if (mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return false;
  bool moved = true;
  for (const std::string& pid : read_words(folder + "/cgroup.procs")) {
    moved = write_to(leaf + "/cgroup.procs", pid) && moved;
  }
  return moved;
}

}  // namespace landseer::worker
