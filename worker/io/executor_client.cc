#include "worker/io/executor_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/net/clock.h"
#include "worker/io/executor.h"
#include "worker/io/spawn.h"

namespace landseer::worker {
namespace {

/// For another executor that is just starting or ending, of which nothing can be heard.
constexpr int kBusyPauseMs = 20;

int milliseconds_until(Instant deadline) {
  const Duration left = deadline - net::now().instant;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, 3'600'000));
}

/// All until the first newline or the end.
Result<std::string> read_line(int fd, Instant deadline) {
  std::string line;
  std::array<char, 512> buffer;
  while (line.find('\n') == std::string::npos) {
    pollfd waiting{fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return fail(ErrorCode::kUnavailable, "the executor takes too long to start");
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    line.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return line.substr(0, line.find('\n'));
}

std::vector<std::string> own_environment() {
  std::vector<std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry) env.emplace_back(*entry);
  return env;
}

/// What the new executor says of itself, see kExecutorReady.
Result<std::string> start_executor(const ExecutorPlace& place, Instant deadline) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::kIo, std::string("cannot make a pipe: ") + strerrordesc_np(errno));
  }
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const UniqueFd dev_null(open("/dev/null", O_RDWR | O_CLOEXEC));
  SpawnRequest request{place.command, own_environment(), {}, dev_null.get(), write_end.get()};
  for (const std::string& word :
       {std::string("--socket"), place.socket_path, std::string("--state"), place.state_folder,
        std::string("--files"), std::to_string(place.files)}) {
    request.argv.push_back(word);
  }
  const auto pid = spawn(request);
  if (!pid) return tl::make_unexpected(pid.error());
  write_end.reset();
  auto line = read_line(read_end.get(), deadline);
  // It has gone to the background and this is only the process that sent it there.
  while (waitpid(*pid, nullptr, line ? 0 : WNOHANG) < 0 && errno == EINTR) {
  }
  return line;
}

}  // namespace

Result<ExecutorClient> ExecutorClient::start_or_attach(const ExecutorPlace& place) {
  const Instant deadline = net::now().instant + place.patience;
  while (true) {
    auto socket = connect_unix(place.socket_path);
    if (socket) return ExecutorClient(std::move(*socket));
    if (socket.error().code != ErrorCode::kUnavailable) {
      return tl::make_unexpected(socket.error());
    }
    const auto answer = start_executor(place, deadline);
    if (!answer) return tl::make_unexpected(answer.error());
    if (*answer == kExecutorReady) continue;
    if (*answer != kExecutorBusy) {
      return fail(ErrorCode::kUnavailable, "the executor did not start: " + *answer);
    }
    if (net::now().instant >= deadline) {
      return fail(ErrorCode::kUnavailable, "another executor holds the socket, but does not answer",
                  place.socket_path);
    }
    poll(nullptr, 0, kBusyPauseMs);
  }
}

Result<void> ExecutorClient::send(const ToExecutor& message) { return link_.send(encode(message)); }

Result<std::optional<FromExecutor>> ExecutorClient::receive() {
  const auto bytes = link_.receive();
  if (!bytes) return tl::make_unexpected(bytes.error());
  std::optional<FromExecutor> received;
  if (*bytes) {
    auto message = decode_from_executor(**bytes);
    if (!message) return tl::make_unexpected(message.error());
    received = std::move(*message);
  }
  return received;
}

pid_t ExecutorClient::executor_pid() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

}  // namespace landseer::worker
