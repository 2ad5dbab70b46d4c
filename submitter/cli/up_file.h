/// `$LANDSEER_HOME/up.json`: what `landseer up` started on this machine, for `down` and the next
/// `up`.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "submitter/cli/process.h"

namespace landseer::cli {

struct Service {
  std::string name;  ///< `broker`, `worker-1`, ...
  ProcessRef process;
  std::string address;  ///< where it serves; the broker's is the one for clients
  std::string log;
  bool operator==(const Service&) const = default;
};

std::string up_file_path();

/// The broker first. No file means no services; kInvalid for a file that cannot be understood.
Result<std::vector<Service>> read_up_file();
Result<void> write_up_file(const std::vector<Service>& services);
void remove_up_file();

/// Held while `up` or `down` works, so that two of them cannot interfere. kConflict when another
/// one is at it; kIo when the folder cannot be made.
class UpLock {
 public:
  static Result<UpLock> take();
  ~UpLock();
  UpLock(UpLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  UpLock& operator=(UpLock&&) = delete;

 private:
  explicit UpLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace landseer::cli
