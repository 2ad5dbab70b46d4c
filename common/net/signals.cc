#include "common/net/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/check.h"

namespace landseer::net {
namespace {

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

SignalWatch::SignalWatch() {
  const sigset_t set = watched();
  CHECK(sigprocmask(SIG_BLOCK, &set, nullptr) == 0, "the set is valid");
  fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  CHECK(fd_ >= 0, "the process has a file descriptor left");
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
}

SignalWatch::~SignalWatch() { close(fd_); }

int SignalWatch::take() {
  signalfd_siginfo info{};
  if (read(fd_, &info, sizeof info) != sizeof info) return 0;
  return static_cast<int>(info.ssi_signo);
}

void restore_signals() {
  const sigset_t set = watched();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &standard, nullptr);
}

}  // namespace landseer::net
