#include "worker/io/executor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "common/base/result.h"
#include "common/net/process_limits.h"
#include "worker/io/executor_guard.h"
#include "worker/io/executor_link.h"
#include "worker/io/executor_loop.h"

namespace landseer::worker {
namespace {

constexpr off_t kOwnLogBytesMax = 1024 * 1024;  // checked at the start, when it is emptied

/// One line to whoever started us, who then stops listening.
void announce(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

tl::unexpected<Error> system_error(const std::string& what, const std::string& where = {}) {
  return fail(ErrorCode::kIo, what + ": " + strerrordesc_np(errno), where);
}

/// Leaves the agent's session and holds nothing of it: its sockets must close when it dies.
Result<void> detach(std::uint64_t files) {
  const pid_t pid = fork();
  if (pid < 0) return system_error("cannot fork");
  if (pid > 0) _exit(0);
  setsid();
  close_range(3, ~0U, 0);
  if (chdir("/") != 0) return system_error("cannot enter", "/");
  if (auto guarded = leave_guard_behind(); !guarded) return guarded;
  prctl(PR_SET_NAME, "landseer-exec");
  net::forbid_core_files();
  if (files != 0) net::set_file_limit(files);  // the agent's is higher, and not for tools
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return system_error("cannot become a subreaper");
  std::array<char, 16> self{};
  const ssize_t length = readlink("/proc/self", self.data(), self.size() - 1);
  if (length <= 0 || std::to_string(getpid()) != self.data()) {
    return fail(ErrorCode::kUnavailable, "/proc does not show this process's own processes");
  }
  return {};
}

/// SIGINT and SIGHUP are the terminal's and not for us; the loop takes the others as input.
Result<UniqueFd> watch_signals() {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  for (const int signal : {SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) sigaction(signal, &ignore, nullptr);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &standard, nullptr);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_SETMASK, &set, nullptr);
  UniqueFd fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return system_error("cannot watch for signals");
  return fd;
}

/// Held until the process ends. kConflict if another executor holds it.
Result<UniqueFd> lock_socket(const std::string& socket_path) {
  const std::string path = socket_path + ".lock";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return system_error("cannot open", path);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return fail(ErrorCode::kConflict, kExecutorBusy);
  return system_error("cannot lock", path);
}

/// Standard error becomes executor.log, the other two nothing.
Result<void> redirect_standard_streams(const std::string& folder, int dev_null) {
  const std::string path = folder + "/executor.log";
  const UniqueFd log(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log) return system_error("cannot write", path);
  struct stat info {};
  if (fstat(log.get(), &info) == 0 && info.st_size > kOwnLogBytesMax &&
      ftruncate(log.get(), 0) != 0) {
    return system_error("cannot empty", path);
  }
  announce(kExecutorReady);
  dup2(dev_null, STDIN_FILENO);
  dup2(dev_null, STDOUT_FILENO);
  dup2(log.get(), STDERR_FILENO);
  return {};
}

Result<ExecutorParts> make_parts(const ExecutorOptions& options) {
  auto signals = watch_signals();
  if (!signals) return tl::make_unexpected(signals.error());
  auto files = AttemptFiles::open(options.state_folder);
  if (!files) return tl::make_unexpected(files.error());
  UniqueFd alarm(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  UniqueFd dev_null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!alarm || !dev_null) return system_error("cannot open a timer or /dev/null");
  auto listener = listen_unix(options.socket_path);
  if (!listener) return tl::make_unexpected(listener.error());
  return ExecutorParts{std::move(*listener),
                       std::move(*signals),
                       std::move(alarm),
                       std::move(dev_null),
                       std::move(*files),
                       options.log_bytes_max,
                       std::chrono::milliseconds(options.lease_ms),
                       options.cgroups};
}

Result<void> serve(const ExecutorOptions& options) {
  const auto lock = lock_socket(options.socket_path);
  if (!lock) return tl::make_unexpected(lock.error());
  auto parts = make_parts(options);
  if (!parts) return tl::make_unexpected(parts.error());
  auto redirected = redirect_standard_streams(options.state_folder, parts->dev_null.get());
  if (!redirected) return redirected;
  ExecutorLoop(std::move(*parts)).run();
  unlink(options.socket_path.c_str());
  return {};
}

}  // namespace

int run_executor(ExecutorOptions options) {
  std::error_code ignored;
  options.socket_path = std::filesystem::absolute(options.socket_path, ignored).string();
  options.state_folder = std::filesystem::absolute(options.state_folder, ignored).string();
  auto done = detach(options.files);
  if (done) done = serve(options);
  if (done) return 0;
  announce(done.error().to_string());
  return 1;
}

}  // namespace landseer::worker
