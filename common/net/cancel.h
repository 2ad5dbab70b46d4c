/// A request to give up, made by one thread and noticed by another that may be waiting for files or
/// sockets.
#pragma once

#include <sys/eventfd.h>

#include <atomic>

#include "common/base/check.h"
#include "common/base/unique_fd.h"

namespace landseer {

class Cancel {
 public:
  Cancel() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CHECK(event_.get() >= 0, "the process has file descriptors left for an event");
  }

  void request() {
    requested_ = true;
    eventfd_write(event_.get(), 1);
  }
  bool requested() const { return requested_; }
  /// Only where one is not an end but news: takes what was requested so far.
  void clear() {
    eventfd_t count = 0;
    eventfd_read(event_.get(), &count);
    requested_ = false;
  }
  /// Readable from the request on, until clear().
  int fd() const { return event_.get(); }

 private:
  UniqueFd event_;
  std::atomic<bool> requested_{false};
};

}  // namespace landseer
