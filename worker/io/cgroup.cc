#include "worker/io/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "worker/io/cgroup_mounts.h"
#include "worker/io/file_tools.h"

namespace landseer::worker {
namespace {

/// A tool's processes are a few dozen; of a fork bomb, the rest is killed at the next look.
constexpr std::size_t kListBytesMax = 64 * 1024;

/// As many as run at once on a large host; more are removed.
constexpr std::size_t kSparesMax = 64;

/// Of a control file: they are short and read at once. Empty when there is none.
std::string read_control(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> buffer;
  ssize_t got = 0;
  while (file && text.size() < kListBytesMax &&
         (got = read(file.get(), buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

/// False with errno set.
bool write_control(const std::string& path, const std::string& text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::uint64_t to_number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The value of `KEY VALUE`, one of several lines; 0 when there is none.
std::uint64_t value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(key) && line.substr(key.size()).starts_with(' ')) {
      return to_number(line.substr(key.size() + 1));
    }
  }
  return 0;
}

std::vector<std::string> subfolders(const std::string& folder) {
  std::vector<std::string> found;
  DIR* list = opendir(folder.c_str());
  if (list == nullptr) return found;
  while (const dirent* entry = readdir(list)) {
    const std::string name = static_cast<const char*>(entry->d_name);
    if (entry->d_type == DT_DIR && name != "." && name != "..")
      found.push_back(folder + "/" + name);
  }
  closedir(list);
  return found;
}

void list_own_processes(const std::string& folder, std::vector<pid_t>& found) {
  const std::string text = read_control(folder + "/cgroup.procs");
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    // 0 is a process that cannot be seen from here.
    if (const auto pid = to_number(line); pid != 0) found.push_back(static_cast<pid_t>(pid));
  }
}

/// The processes of a cgroup and of those below it.
void list_processes(const std::string& folder, std::vector<pid_t>& found) {
  list_own_processes(folder, found);
  for (const std::string& below : subfolders(folder)) list_processes(below, found);
}

/// True once it is gone. Control files need not be removed, and cannot be.
bool remove_folder(const std::string& folder) {
  if (rmdir(folder.c_str()) == 0 || errno == ENOENT) return true;
  if (errno != EBUSY && errno != ENOTEMPTY) return false;
  for (const std::string& below : subfolders(folder)) remove_folder(below);
  return rmdir(folder.c_str()) == 0 || errno == ENOENT;
}

bool is_plain(const std::string& name) {
  return !name.empty() && !name.starts_with('/') && !name.ends_with('/') &&
         name.find("..") == std::string::npos && name.find("//") == std::string::npos;
}

bool make_folder(const std::string& folder) {
  return mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST;
}

/// In v1 a single thread enters through `tasks` without the lock over all processes that
/// `cgroup.procs` takes: 0.4 ms, measured. In v2 a cgroup has either processes or controllers for
/// those below it: with `apart` the tool gets a place beside a container engine's.
UniqueFd open_entrance(const std::string& folder, bool unified, bool apart) {
  std::string path = folder + "/tasks";
  if (unified) {
    std::string inside = folder;
    if (apart) {
      pass_controllers_down(folder);
      inside += "/client";
      make_folder(inside);
    }
    path = inside + "/cgroup.procs";
  }
  return UniqueFd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
}

/// Makes a folder and those above it, up to `top`, and passes v2's controllers down.
bool make_folders(const std::string& top, const std::string& name, bool unified) {
  for (std::size_t slash = name.find('/');; slash = name.find('/', slash + 1)) {
    const std::string folder = top + "/" + name.substr(0, slash);
    if (!make_folder(folder)) return false;
    if (slash == std::string::npos) return true;
    if (unified) pass_controllers_down(folder);
  }
}

}  // namespace

// --- The cgroup of an attempt ---

std::vector<int> Cgroup::entrances() const {
  std::vector<int> found;
  for (const Part& part : parts_) {
    if (part.entrance) found.push_back(part.entrance.get());
  }
  return found;
}

void Cgroup::close_entrances() {
  for (Part& part : parts_) part.entrance.reset();
}

CgroupUsage Cgroup::usage() const {
  CgroupUsage usage;
  for (const Part& part : parts_) {
    const std::string at = part.folder + "/";
    if (part.memory && part.unified) {
      usage.memory_peak_bytes = to_number(read_control(at + "memory.peak"));
      usage.out_of_memory_kills = value_of(read_control(at + "memory.events"), "oom_kill");
    } else if (part.memory) {
      usage.memory_peak_bytes = to_number(read_control(at + "memory.max_usage_in_bytes"));
      usage.out_of_memory_kills = value_of(read_control(at + "memory.oom_control"), "oom_kill");
    }
    if (part.cpu && part.unified) {
      usage.cpu_us = value_of(read_control(at + "cpu.stat"), "usage_usec");
    } else if (part.cpu) {
      usage.cpu_us = to_number(read_control(at + "cpuacct.usage")) / 1000;
    }
  }
  return usage;
}

bool Cgroup::is_populated() const {
  std::vector<pid_t> found;
  for (const Part& part : parts_) {
    if (part.unified) {
      if (value_of(read_control(part.folder + "/cgroup.events"), "populated") != 0) return true;
    } else {
      list_processes(part.folder, found);
    }
  }
  return !found.empty();
}

void Cgroup::kill_all() const {
  std::vector<pid_t> found;
  for (const Part& part : parts_) {
    if (part.unified && write_control(part.folder + "/cgroup.kill", "1")) continue;
    // Who cannot fork does not outrun us.
    if (part.pids) write_control(part.folder + "/pids.max", "0");
    list_processes(part.folder, found);
  }
  for (const pid_t pid : found) kill(pid, SIGKILL);
}

/// Nothing may be left in it that a new one would not have: processes, cgroups below it, or what
/// was used.
bool Cgroup::lay_aside() const {
  static std::uint64_t count = 0;
  if (spares_ == nullptr || spares_->size() >= kSparesMax || parts_.size() != 1) return false;
  const Part& part = parts_[0];
  struct stat status {};
  if (!part.only_counts() || !engine_folders_.empty()) return false;
  if (stat(part.folder.c_str(), &status) != 0 || status.st_nlink != 2) return false;
  std::vector<pid_t> found;
  list_own_processes(part.folder, found);
  if (!found.empty()) return false;
  std::string spare = part.folder.substr(0, part.folder.rfind('/')) + "/spare-" +
                      std::to_string(getpid()) + "-" + std::to_string(++count);
  if (rename(part.folder.c_str(), spare.c_str()) != 0) return false;
  spares_->push_back(std::move(spare));
  return true;
}

bool Cgroup::remove() {
  if (lay_aside()) {
    *this = Cgroup();
    return true;
  }
  bool gone = true;
  for (const Part& part : parts_) gone = remove_folder(part.folder) && gone;
  for (const std::string& folder : engine_folders_) remove_folder(folder);
  if (gone) *this = Cgroup();
  return gone;
}

// --- Where they are made ---

CgroupRoot CgroupRoot::find(const CgroupSources& sources) {
  CgroupRoot root;
  const CgroupMounts mounts = read_cgroup_mounts(sources.mounts, sources.own, sources.privileged);
  bool memory = false;
  bool pids = false;
  for (const CgroupMount& mount : mounts.v1) {
    root.all_folders_.push_back(mount.folder);
    if (!mount.is_writable()) continue;
    const Tree tree{mount.folder, false, mount.has("memory"), mount.has("pids"),
                    mount.has("cpuacct")};
    memory = memory || tree.memory;
    pids = pids || tree.pids;
    if (tree.memory || tree.pids || tree.cpu) root.trees_.push_back(tree);
  }
  if (memory || pids) root.path_ = mounts.v1_path;
  if (!mounts.v2) return root;
  root.all_folders_.push_back(mounts.v2->folder);
  // The tree of v2 has what v1 does not. With neither it still finds and kills everyone.
  const bool wanted = (!memory && mounts.v2->has("memory")) || (!pids && mounts.v2->has("pids")) ||
                      (!memory && !pids);
  if (!wanted || !mounts.v2->is_writable()) return root;
  const bool passed =
      pass_controllers_down(mounts.v2->folder) ||
      (leave_to_leaf(mounts.v2->folder) && pass_controllers_down(mounts.v2->folder));
  root.trees_.push_back({mounts.v2->folder, true, passed && !memory && mounts.v2->has("memory"),
                         passed && !pids && mounts.v2->has("pids"), true});
  if (root.path_.empty()) root.path_ = mounts.v2_path;
  return root;
}

std::string CgroupRoot::unenforced() const {
  bool memory = false;
  bool pids = false;
  for (const Tree& tree : trees_) {
    memory = memory || tree.memory;
    pids = pids || tree.pids;
  }
  if (memory && pids) return {};
  const std::string what = memory ? "" : "a task's memory limit";
  return what + (memory || pids ? "" : " and ") + (pids ? "" : "the number of its processes");
}

Result<Cgroup> CgroupRoot::make(const CgroupRequest& request) const {
  Cgroup made;
  made.spares_ = spares_;
  if (!is_plain(request.name)) {
    return fail(ErrorCode::kInvalid, "not a cgroup's name", request.name);
  }
  for (const Tree& tree : trees_) {
    // Entering costs time: a tree is used only for what is asked of it.
    const bool memory = tree.memory && (request.memory_bytes != 0 || request.container);
    const bool cpu = tree.cpu && (tree.unified || request.container);
    if (!memory && !tree.pids && !cpu) continue;
    Cgroup::Part part{tree.folder + "/" + request.name, tree.unified, memory, tree.pids, cpu, {}};
    bool good = take_spare(part, request) || make_folder(part.folder) ||
                make_folders(tree.folder, request.name, tree.unified);
    if (good) part.entrance = open_entrance(part.folder, tree.unified, request.container);
    good = good && part.entrance && set_limits(part, request);
    auto failed = fail_errno("make the cgroup", part.folder);
    made.parts_.push_back(std::move(part));
    if (!good) {
      made.remove();
      return failed;
    }
  }
  if (request.container) {
    for (const std::string& folder : all_folders_) {
      made.engine_folders_.push_back(folder + "/" + request.name);
    }
  }
  return made;
}

/// Only from the same folder: v1 moves a cgroup to no other.
bool CgroupRoot::take_spare(const Cgroup::Part& part, const CgroupRequest& request) const {
  if (!part.only_counts() || spares_->empty()) return false;
  const std::string spare = std::move(spares_->back());
  spares_->pop_back();
  if (rename(spare.c_str(), part.folder.c_str()) != 0) return false;
  return request.pids_max != 0 || write_control(part.folder + "/pids.max", "max");
}

/// False with errno set.
bool CgroupRoot::set_limits(const Cgroup::Part& part, const CgroupRequest& request) {
  const std::string at = part.folder + "/";
  if (part.pids && request.pids_max != 0 &&
      !write_control(at + "pids.max", std::to_string(request.pids_max))) {
    return false;
  }
  if (!part.memory || request.memory_bytes == 0) return true;
  const std::string limit = std::to_string(request.memory_bytes);
  if (!write_control(at + (part.unified ? "memory.max" : "memory.limit_in_bytes"), limit)) {
    return false;
  }
  // What is pushed out to the disk must not make room. Kernels that do not count it lack the file.
  if (part.unified) {
    write_control(at + "memory.swap.max", "0");
  } else {
    write_control(at + "memory.memsw.limit_in_bytes", limit);
  }
  return true;
}

Cgroup CgroupRoot::find_left(const std::string& name) const {
  Cgroup left;
  if (!is_plain(name)) return left;
  for (const Tree& tree : trees_) {
    const std::string folder = tree.folder + "/" + name;
    if (access(folder.c_str(), F_OK) != 0) continue;
    left.parts_.push_back({folder, tree.unified, tree.memory, tree.pids, tree.cpu, {}});
  }
  for (const std::string& folder : all_folders_)
    left.engine_folders_.push_back(folder + "/" + name);
  return left;
}

}  // namespace landseer::worker
