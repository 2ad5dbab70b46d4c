#include "worker/io/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "worker/io/file_tools.h"

namespace landseer::worker {
namespace {

Result<UniqueFd> lock_file(const std::filesystem::path& path, int how) {
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return fail_errno("open the lock", path.string());
  while (flock(file.get(), how) != 0) {
    if (errno != EINTR) return fail_errno("take the lock", path.string());
  }
  return file;
}

}  // namespace

Result<StoreLock> StoreLock::take(const std::filesystem::path& root, int how) {
  StoreLock taken;
  auto turnstile = lock_file(root / "turnstile", how);
  if (!turnstile) return tl::make_unexpected(turnstile.error());
  auto lock = lock_file(root / "lock", how);
  if (!lock) return tl::make_unexpected(lock.error());
  if (how == LOCK_EX) taken.turnstile_ = std::move(*turnstile);
  taken.lock_ = std::move(*lock);
  return taken;
}

Result<StoreLock> StoreLock::to_use(const std::filesystem::path& root) {
  return take(root, LOCK_SH);
}

Result<StoreLock> StoreLock::to_remove(const std::filesystem::path& root) {
  return take(root, LOCK_EX);
}

}  // namespace landseer::worker
