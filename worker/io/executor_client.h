/// The agent's end of the executor: finds the one that is running, or starts one.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "worker/io/executor_link.h"
#include "worker/io/executor_messages.h"

namespace landseer::worker {

struct ExecutorPlace {
  std::string socket_path;
  std::string state_folder;
  /// What `--socket PATH --state DIR` is appended to.
  std::vector<std::string> command{"/proc/self/exe", "executor"};
  Duration patience = std::chrono::seconds(10);  ///< for an executor to start
  std::uint64_t files = 0;                       ///< see ExecutorOptions
};

/// Used by one thread. Never blocks but in `start_or_attach`.
class ExecutorClient {
 public:
  /// Connects to the executor at `place`, starting one if none answers. It first sends what it
  /// has: an Ended for each attempt not forgotten, then Inventory. May be called again, for a new
  /// client, when an executor was lost: the next one kills what the lost one left running, and
  /// reports it as returned.
  static Result<ExecutorClient> start_or_attach(const ExecutorPlace& place);

  /// kLimit: this message was too large and is dropped, all else goes on. Other errors mean that
  /// the executor is gone.
  Result<void> send(const ToExecutor& message);
  /// Empty when nothing waits. An error means that the executor is gone (kUnavailable) or does
  /// not speak our language; this client is of no more use.
  Result<std::optional<FromExecutor>> receive();
  /// To poll for reading; for writing too, then calling `flush`, while `wants_write()`.
  int fd() const { return link_.fd(); }
  bool wants_write() const { return link_.wants_write(); }
  Result<void> flush() { return link_.flush(); }

  /// For messages to people; 0 if unknown.
  pid_t executor_pid() const;

 private:
  explicit ExecutorClient(UniqueFd socket) : link_(std::move(socket)) {}
  Link link_;
};

}  // namespace landseer::worker
