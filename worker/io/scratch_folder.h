/// The worker's folder: a lock that keeps a second worker out, and the identity by which the broker
/// recognises the worker after a restart.
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace landseer::worker {

class ScratchFolder {
 public:
  /// Makes the folder (0700) and takes the lock. kConflict when another worker has it.
  static Result<ScratchFolder> open(const std::string& path);

  const std::string& path() const { return path_; }
  /// 32 hex digits, made once and kept in the folder.
  const std::string& uid() const { return uid_; }
  /// The same, and known to nobody but the broker: signs passes for the data port.
  const std::string& fetch_secret() const { return fetch_secret_; }

 private:
  ScratchFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  Result<void> read_token(const char* file, std::string& token) const;

  std::string path_;
  UniqueFd lock_;
  std::string uid_;
  std::string fetch_secret_;
};

}  // namespace landseer::worker
