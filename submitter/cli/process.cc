#include "submitter/cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/net/clock.h"

extern char** environ;

namespace landseer::cli {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close_now(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return fd_; }
  void close_now() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

int milliseconds(Duration duration) {
  const auto count = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  return static_cast<int>(std::clamp<std::int64_t>(count, 0, 1 << 30));
}

/// Field 22 of /proc/PID/stat; 0 when there is no such process or it is a zombie.
std::uint64_t start_time_of(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // The second field, the program's name in brackets, may hold blanks and brackets itself.
  const auto bracket = text.rfind(')');
  if (bracket == std::string::npos || text.size() < bracket + 3 || text[bracket + 2] == 'Z') {
    return 0;
  }
  std::size_t at = bracket + 2;  // field 3
  for (int field = 3; field < 22; ++field) {
    at = text.find(' ', at);
    if (at == std::string::npos) return 0;
    ++at;
  }
  std::uint64_t value = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

/// Reads up to a newline. Empty with `ended` false: the time is over.
std::string read_line(int fd, Duration limit, bool& ended) {
  const Instant deadline = net::now().instant + limit;
  std::string line;
  ended = false;
  while (true) {
    pollfd item{fd, POLLIN, 0};
    const Duration left = deadline - net::now().instant;
    if (left <= Duration::zero()) return {};
    if (::poll(&item, 1, milliseconds(left)) <= 0) continue;
    char c = 0;
    if (read(fd, &c, 1) != 1) {
      ended = true;
      return {};
    }
    if (c == '\n') return line;
    line.push_back(c);
  }
}

/// Spawns with stdin from /dev/null, stdout to `out` and stderr to `log`. 0 or an errno.
int spawn(const std::vector<std::string>& arguments, int out, int log, pid_t& pid) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, log, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t standard;
  sigemptyset(&standard);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGHUP}) sigaddset(&standard, number);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &standard);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

std::string last_lines(const std::string& path) {
  constexpr std::size_t kBytes = 600;
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (text.size() > kBytes) text.erase(0, text.find('\n', text.size() - kBytes) + 1);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Descriptor open_process(const ProcessRef& process) {
  Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  // Opened first, compared then: from here on the handle cannot mean another process.
  if (handle.get() >= 0 && !is_alive(process)) handle.close_now();
  return handle;
}

bool wait_end(const Descriptor& handle, Instant deadline) {
  while (true) {
    pollfd item{handle.get(), POLLIN, 0};
    const Duration left = deadline - net::now().instant;
    const int ready = ::poll(&item, 1, milliseconds(left));
    if (ready > 0) return true;
    if (ready == 0 && left <= Duration::zero()) return false;
  }
}

}  // namespace

Result<Started> start_in_background(const std::vector<std::string>& arguments,
                                    const std::string& log_path, Duration limit) {
  const std::string program = std::filesystem::path(arguments.at(0)).filename().string();
  Descriptor log(open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  std::array<int, 2> ends{-1, -1};
  if (log.get() < 0 || pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::kIo, "cannot start " + program + ": " + std::strerror(errno), log_path,
                "check the folder's owner and free space");
  }
  Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  pid_t pid = 0;
  if (const int error = spawn(arguments, to.get(), log.get(), pid); error != 0) {
    return fail(ErrorCode::kIo, "cannot start " + program + ": " + std::strerror(error),
                arguments[0], "it belongs beside the landseer program; install both");
  }
  to.close_now();
  bool ended = false;
  std::string line = read_line(from.get(), limit, ended);
  if (line.starts_with("ready")) {
    return Started{{pid, start_time_of(pid)}, std::move(line)};
  }
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return fail(ErrorCode::kIo,
              program + (ended ? " ended before it was ready:\n" : " did not get ready:\n") +
                  last_lines(log_path),
              log_path, "mend what the log says and try again");
}

bool is_alive(const ProcessRef& process) {
  return process.pid > 0 && process.start_time != 0 &&
         start_time_of(process.pid) == process.start_time;
}

std::vector<Ending> end_processes(const std::vector<ProcessRef>& processes, Duration patience) {
  std::vector<Descriptor> handles;
  for (const ProcessRef& process : processes) {
    handles.push_back(open_process(process));
    if (handles.back().get() < 0) continue;
    syscall(SYS_pidfd_send_signal, handles.back().get(), SIGTERM, nullptr, 0);
  }
  const Instant deadline = net::now().instant + patience;
  std::vector<Ending> endings;
  for (const Descriptor& handle : handles) {
    if (handle.get() < 0) {
      endings.push_back(Ending::kWasGone);
    } else if (wait_end(handle, deadline)) {
      endings.push_back(Ending::kEnded);
    } else {
      syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0);
      wait_end(handle, net::now().instant + std::chrono::seconds(5));
      endings.push_back(Ending::kKilled);
    }
  }
  return endings;
}

std::string program_folder() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "." : path.parent_path().string();
}

}  // namespace landseer::cli
