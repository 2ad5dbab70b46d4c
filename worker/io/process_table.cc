#include "worker/io/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/unique_fd.h"
#include "worker/io/executor_messages.h"

namespace landseer::worker {
namespace {

std::string read_whole(const std::string& path) {
  std::string text;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> buffer;
  ssize_t got = 0;
  while (fd && (got = read(fd.get(), buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

template <class Int>
std::optional<Int> parse_number(std::string_view text) {
  Int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Fields are those of proc_pid_stat(5), counted from the state, the first behind the name.
std::optional<ProcessInfo> read_process(pid_t pid) {
  const std::string text = read_whole("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = text.rfind(')');  // the name itself may hold parentheses
  if (name_end == std::string::npos) return std::nullopt;
  std::array<std::string_view, 20> fields;
  std::string_view rest = std::string_view(text).substr(std::min(name_end + 2, text.size()));
  for (auto& field : fields) {
    field = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(field.size() + 1, rest.size()));
  }
  ProcessInfo info;
  info.pid = pid;
  info.parent = parse_number<pid_t>(fields[1]).value_or(0);
  info.group = parse_number<pid_t>(fields[2]).value_or(0);
  info.session = parse_number<pid_t>(fields[3]).value_or(0);
  info.start_ticks = parse_number<std::uint64_t>(fields[19]).value_or(0);
  return info;
}

/// The number given to a process most recently, 0 if it cannot be told.
pid_t last_number() {
  std::string text = read_whole("/proc/loadavg");
  if (!text.empty() && text.back() == '\n') text.pop_back();
  const auto space = text.rfind(' ');
  if (space == std::string::npos) return 0;
  return parse_number<pid_t>(std::string_view(text).substr(space + 1)).value_or(0);
}

std::string token_of(pid_t pid) {
  const std::string environment = read_whole("/proc/" + std::to_string(pid) + "/environ");
  std::string_view rest = environment;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
    const auto equals = entry.find('=');
    const std::string_view name = entry.substr(0, equals);
    if (name == kTokenVariable || name == kTokenAlias) return std::string(entry.substr(equals + 1));
  }
  return {};
}

bool contains(const std::vector<pid_t>& pids, pid_t pid) {
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

/// Decides for one process after another, remembering the verdicts on their ancestors.
class Genealogy {
 public:
  Genealogy(const std::vector<ProcessInfo>& table, const Kinship& kinship) : kin_(kinship) {
    for (const ProcessInfo& process : table) known_.emplace(process.pid, &process);
  }

  bool belongs(const ProcessInfo& process) {
    const auto [verdict, fresh] = verdicts_.emplace(process.pid, false);
    if (fresh) {
      const bool yes = kin_.tool != 0 ? descends(process) : has_token(process);
      verdicts_[process.pid] = yes;
      return yes;
    }
    return verdict->second;
  }

 private:
  bool parent_belongs(const ProcessInfo& process) {
    const auto parent = known_.find(process.parent);
    return parent != known_.end() && belongs(*parent->second);
  }

  bool descends(const ProcessInfo& process) {
    if (process.pid == kin_.executor) return false;
    if (contains(*kin_.tools, process.pid)) return process.pid == kin_.tool;
    return process.parent == kin_.executor ? is_own_orphan(process) : parent_belongs(process);
  }

  bool is_own_orphan(const ProcessInfo& process) const {
    if (process.session == kin_.tool) return true;
    if (contains(*kin_.tools, process.session)) return false;
    const std::string token = token_of(process.pid);
    return token.empty() ? process.start_ticks >= kin_.since_ticks : token == kin_.token;
  }

  bool has_token(const ProcessInfo& process) {
    if (process.pid == kin_.executor) return false;
    return token_of(process.pid) == kin_.token || parent_belongs(process);
  }

  const Kinship& kin_;
  std::unordered_map<pid_t, const ProcessInfo*> known_;
  std::unordered_map<pid_t, bool> verdicts_;
};

}  // namespace

std::vector<ProcessInfo> all_processes() {
  std::vector<ProcessInfo> table;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return table;
  while (const dirent* entry = readdir(folder)) {
    const auto pid = parse_number<pid_t>(static_cast<const char*>(entry->d_name));
    if (!pid) continue;
    if (const auto process = read_process(*pid)) table.push_back(*process);
  }
  closedir(folder);
  return table;
}

std::optional<std::vector<ProcessInfo>> processes_since(pid_t first, pid_t numbers_max) {
  std::vector<ProcessInfo> table;
  pid_t next = first;
  for (pid_t last = last_number(); next <= last; last = last_number()) {
    if (last - first >= numbers_max) return std::nullopt;
    for (; next <= last; ++next) {
      if (const auto process = read_process(next)) table.push_back(*process);
    }
  }
  if (next == first) return std::nullopt;  // went round, or cannot be told
  return table;
}

std::uint64_t to_ticks(Instant instant) {
  static const std::int64_t ticks_per_second = sysconf(_SC_CLK_TCK);
  return static_cast<std::uint64_t>(instant.nanoseconds / (1'000'000'000 / ticks_per_second));
}

std::vector<ProcessInfo> attempt_members(const std::vector<ProcessInfo>& table,
                                         const Kinship& kinship) {
  Genealogy genealogy(table, kinship);
  std::vector<ProcessInfo> members;
  for (const ProcessInfo& process : table) {
    if (genealogy.belongs(process)) members.push_back(process);
  }
  return members;
}

}  // namespace landseer::worker
