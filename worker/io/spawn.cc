#include "worker/io/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace landseer::worker {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

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

tl::unexpected<Error> cannot_start(const std::string& program, int error) {
  const bool is_programs = error == ENOENT || error == EACCES || error == ENOEXEC;
  return fail(is_programs ? ErrorCode::kNotFound : ErrorCode::kIo,
              "cannot start " + program + ": " + strerrordesc_np(error));
}

enum class Step { kCgroup, kFolder, kProgram };

/// What the child needs, ready made: until it executes the program it runs in our memory.
struct Plan {
  const char* program;
  char* const* argv;
  char* const* env;
  const SpawnRequest* request;
  Step failed = Step::kProgram;
  int error = 0;
};

/// In the child. Returns only if something failed. Nothing here allocates or locks.
void become(Plan& plan) {
  const SpawnRequest& request = *plan.request;
  setsid();
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &standard, nullptr);
  plan.failed = Step::kCgroup;
  for (const int entrance : request.entrances) {
    if (write(entrance, "0", 1) != 1) return;
  }
  dup2(request.input, STDIN_FILENO);
  dup2(request.output, STDOUT_FILENO);
  dup2(request.errors >= 0 ? request.errors : request.output, STDERR_FILENO);
  plan.failed = Step::kFolder;
  if (!request.cwd.empty() && chdir(request.cwd.c_str()) != 0) return;
  plan.failed = Step::kProgram;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(plan.program, plan.argv, plan.env);
}

/// Runs faster than fork (no copy of the address space), and that the program could not be executed
/// is known on return, as with posix_spawn, which cannot enter a cgroup. No signal may be handled
/// in the child: its memory is ours.
[[gnu::noinline]] pid_t start(Plan& plan) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = vfork();
  if (pid == 0) {
    become(plan);
    plan.error = errno;
    _exit(127);
  }
  if (pid < 0) plan.error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return pid;
}

}  // namespace

std::string find_program(const std::string& name, const std::vector<std::string>& env) {
  if (name.find('/') != std::string::npos) return name;
  for (std::string_view path = path_of(env); !path.empty();) {
    const std::string_view folder = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(folder.size() + 1, path.size()));
    if (!folder.starts_with('/')) continue;
    std::string candidate = std::string(folder) + "/" + name;
    if (is_program(candidate)) return candidate;
  }
  return {};
}

Result<pid_t> spawn(const SpawnRequest& request) {
  if (request.argv.empty()) return fail(ErrorCode::kInvalid, "cannot start: the command is empty");
  const std::string program = find_program(request.argv[0], request.env);
  if (program.empty()) return cannot_start(request.argv[0], ENOENT);
  const std::vector<char*> argv = pointers(request.argv);
  const std::vector<char*> env = pointers(request.env);
  Plan plan{program.c_str(), argv.data(), env.data(), &request};
  const pid_t pid = start(plan);
  if (plan.error == 0) return pid;
  while (pid > 0 && waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  if (plan.failed == Step::kFolder) {
    return fail(ErrorCode::kIo, "cannot start " + request.argv[0] + ": the working folder " +
                                    request.cwd + " cannot be entered");
  }
  if (plan.failed == Step::kCgroup) {
    return fail(ErrorCode::kIo,
                "cannot start " + request.argv[0] +
                    ": its cgroup cannot be entered: " + strerrordesc_np(plan.error));
  }
  return cannot_start(request.argv[0], plan.error);
}

}  // namespace landseer::worker
