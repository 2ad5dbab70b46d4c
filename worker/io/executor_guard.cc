#include "worker/io/executor_guard.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "worker/io/process_table.h"

namespace landseer::worker {
namespace {

constexpr int kRecheckMs = 20;

/// Processes below this one, whatever session or group they are in.
std::vector<pid_t> descendants() {
  const std::vector<ProcessInfo> table = all_processes();
  std::set<pid_t> family{getpid()};
  std::vector<pid_t> found;
  for (bool grown = true; grown;) {
    grown = false;
    for (const ProcessInfo& process : table) {
      if (!family.contains(process.parent) || !family.insert(process.pid).second) continue;
      found.push_back(process.pid);
      grown = true;
    }
  }
  return found;
}

/// As a subreaper this process inherits whatever loses its parent: without children, nobody is
/// left.
void kill_all_that_is_left() {
  while (waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD) {
    for (const pid_t pid : descendants()) kill(pid, SIGKILL);
    poll(nullptr, 0, kRecheckMs);
  }
}

[[noreturn]] void guard(pid_t executor) {
  prctl(PR_SET_NAME, "landseer-guard");
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaction(signal, &ignore, nullptr);
  // The agent waits for the executor's first words, or for the end of the pipe if there are none.
  const int dev_null = open("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(dev_null, fd);
  close_range(3, ~0U, 0);
  while (waitpid(executor, nullptr, 0) < 0 && errno == EINTR) continue;
  kill_all_that_is_left();
  _exit(0);
}

tl::unexpected<Error> cannot(const char* what) {
  return fail(ErrorCode::kIo, std::string("cannot ") + what + ": " + strerrordesc_np(errno));
}

}  // namespace

Result<void> leave_guard_behind() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return cannot("become a subreaper");
  const pid_t pid = fork();
  if (pid < 0) return cannot("fork");
  if (pid > 0) guard(pid);
  return {};
}

}  // namespace landseer::worker
