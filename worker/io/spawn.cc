#include "worker/io/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace landseer::worker {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

/// posix_spawn runs faster than fork and exec (no copy of the address space) and reports that
/// exec failed as its own result.
class Plan {
 public:
  explicit Plan(const SpawnRequest& request) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_adddup2(&actions_, request.input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, request.output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, request.output, STDERR_FILENO);
    if (!request.cwd.empty()) {
      posix_spawn_file_actions_addchdir_np(&actions_, request.cwd.c_str());
    }
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Plan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  list.reserve(words.size() + 1);
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  return list;
}

std::string_view path_of(const std::vector<std::string>& env) {
  constexpr std::string_view kName = "PATH=";
  for (const std::string& entry : env) {
    if (entry.starts_with(kName)) return std::string_view(entry).substr(kName.size());
  }
  return kDefaultPath;
}

bool is_program(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

/// Empty if PATH does not lead to the program. Relative folders in PATH are passed over.
std::string find_program(const std::string& name, std::string_view path) {
  if (name.find('/') != std::string::npos) return name;
  while (!path.empty()) {
    const std::string_view folder = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(folder.size() + 1, path.size()));
    if (!folder.starts_with('/')) continue;
    std::string candidate = std::string(folder) + "/" + name;
    if (is_program(candidate)) return candidate;
  }
  return {};
}

bool is_folder(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

tl::unexpected<Error> cannot_start(const std::string& program, int error) {
  return fail(ErrorCode::kIo, "cannot start " + program + ": " + strerrordesc_np(error));
}

}  // namespace

Result<pid_t> spawn(const SpawnRequest& request) {
  if (request.argv.empty()) return fail(ErrorCode::kInvalid, "cannot start: the command is empty");
  const std::string program = find_program(request.argv[0], path_of(request.env));
  if (program.empty()) return cannot_start(request.argv[0], ENOENT);
  const Plan plan(request);
  const std::vector<char*> argv = pointers(request.argv);
  const std::vector<char*> env = pointers(request.env);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.c_str(), plan.actions(), plan.attributes(),
                                argv.data(), env.data());
  if (error == 0) return pid;
  if (!request.cwd.empty() && !is_folder(request.cwd)) {
    return fail(ErrorCode::kIo, "cannot start " + request.argv[0] + ": the working folder " +
                                    request.cwd + " cannot be entered");
  }
  return cannot_start(request.argv[0], error);
}

}  // namespace landseer::worker
