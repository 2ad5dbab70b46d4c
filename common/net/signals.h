/// SIGINT and SIGTERM as something to poll for, so that a loop ends at a place of its choosing.
#pragma once

#include <csignal>

namespace landseer::net {

/// Blocks SIGINT and SIGTERM for the process and offers them on a descriptor; ignores SIGPIPE.
/// Make it before any thread.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  int fd() const { return fd_; }
  /// The number of a signal that arrived since the last call, or 0.
  int take();

 private:
  int fd_;
};

/// Unblocks what SignalWatch blocked: to be called in a child before exec.
void restore_signals();

}  // namespace landseer::net
