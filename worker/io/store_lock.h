/// Keeps those who use an artifact store apart from those who remove from it, in this process and
/// in others. Several may use at a time; who wants to remove waits for them, and new ones wait for
/// who wants to remove, so that nobody waits for ever. Held for local work only, never while a peer
/// is waited for. By flock: a process that dies lets go. Any thread.
#pragma once

#include <filesystem>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace landseer::worker {

class StoreLock {
 public:
  static Result<StoreLock> to_use(const std::filesystem::path& root);
  static Result<StoreLock> to_remove(const std::filesystem::path& root);

 private:
  StoreLock() = default;
  static Result<StoreLock> take(const std::filesystem::path& root, int how);

  UniqueFd turnstile_;  ///< held by who removes
  UniqueFd lock_;
};

}  // namespace landseer::worker
