#include "worker/io/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "common/base/text.h"
#include "common/base/units.h"
#include "common/net/clock.h"
#include "worker/io/file_tools.h"
#include "worker/io/spawn.h"

namespace landseer::worker {
namespace {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("make a pipe", {});
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

/// A program that runs; killed, with its group, unless it was waited for.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid), fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  ~Child() {
    if (pid_ == 0) return;
    kill(-pid_, SIGKILL);
    static_cast<void>(wait());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Readable once it ended.
  int fd() const { return fd_.get(); }

  int wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
  UniqueFd fd_;
};

class Listener {
 public:
  Listener(const ProgramRequest& request, UniqueFd output, UniqueFd errors)
      : request_(request), output_(std::move(output)), errors_(std::move(errors)) {}

  /// Until both streams end, or the program that `ended_fd` is of.
  Result<void> listen(int ended_fd) {
    const Instant deadline = net::now().instant + request_.time_limit;
    for (bool ended = false; !ended && (ended_fd >= 0 || output_ || errors_);) {
      if (request_.cancel != nullptr && request_.cancel->requested()) {
        return fail(ErrorCode::kConflict, request_.argv[0] + " was called off");
      }
      const Duration left = deadline - net::now().instant;
      if (left <= Duration::zero()) {
        return fail(ErrorCode::kUnavailable, request_.argv[0] + " did not end within " +
                                                 format_duration(request_.time_limit));
      }
      const int cancel_fd = request_.cancel != nullptr ? request_.cancel->fd() : -1;
      std::array<pollfd, 4> items{{{output_.get(), POLLIN, 0},
                                   {errors_.get(), POLLIN, 0},
                                   {cancel_fd, POLLIN, 0},
                                   {ended_fd, POLLIN, 0}}};
      poll(items.data(), items.size(),
           static_cast<int>(std::min<std::int64_t>(left.count() / 1'000'000 + 1, 60'000)));
      ended = items[3].revents != 0;  // before it is read what it has written
      read_from(output_, [&](std::string_view text) {
        result.output.append(text.substr(0, kProgramOutputMax - result.output.size()));
      });
      read_from(errors_, [&](std::string_view text) { take_errors(text); });
    }
    return {};
  }

  ProgramResult result;

 private:
  template <class Take>
  static void read_from(UniqueFd& stream, Take&& take) {
    std::array<char, 4096> buffer;
    while (stream) {
      const ssize_t got = read(stream.get(), buffer.data(), buffer.size());
      if (got > 0) {
        take(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
      } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        stream.reset();
      } else if (errno == EAGAIN) {
        return;
      }
    }
  }

  void take_errors(std::string_view text) {
    result.errors.append(text);
    if (result.errors.size() > kProgramOutputMax) {
      result.errors.erase(0, result.errors.size() - kProgramOutputMax);
    }
    if (!request_.on_line) return;
    // Progress bars end their lines with a carriage return.
    line_.append(text);
    for (auto end = line_.find_first_of("\r\n"); end != std::string::npos;
         end = line_.find_first_of("\r\n")) {
      if (end > 0) request_.on_line(std::string_view(line_).substr(0, end));
      line_.erase(0, end + 1);
    }
    if (line_.size() > kProgramOutputMax) line_.clear();
  }

  const ProgramRequest& request_;
  UniqueFd output_;
  UniqueFd errors_;
  std::string line_;
};

}  // namespace

Result<ProgramResult> run_program(const ProgramRequest& request) {
  auto output = make_pipe();
  if (!output) return tl::make_unexpected(output.error());
  auto errors = make_pipe();
  if (!errors) return tl::make_unexpected(errors.error());
  const UniqueFd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  SpawnRequest what{request.argv, request.env, "/", nothing.get(), output->write_end.get()};
  what.errors = errors->write_end.get();
  auto pid = spawn(what);
  // A helper of this host that is not there is the host's trouble, whoever needs it.
  if (!pid) pid.error().code = ErrorCode::kIo;
  if (!pid) return tl::make_unexpected(pid.error());
  Child child(*pid);
  output->write_end.reset();
  errors->write_end.reset();
  Listener listener(request, std::move(output->read_end), std::move(errors->read_end));
  if (auto heard = listener.listen(child.fd()); !heard) return tl::make_unexpected(heard.error());
  listener.result.exit_code = child.wait();
  return std::move(listener.result);
}

std::string last_line(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find_last_not_of(" \t\r\n");
    if (end == std::string_view::npos) return {};
    text = text.substr(0, end + 1);
    const auto begin = text.find_last_of("\r\n");
    const std::string line =
        strip_control(text.substr(begin == std::string_view::npos ? 0 : begin + 1), false);
    if (!line.empty()) return line;
    text = text.substr(0, begin == std::string_view::npos ? 0 : begin);
  }
  return {};
}

}  // namespace landseer::worker
