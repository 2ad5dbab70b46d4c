#include "broker/io/disk_guard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <limits>

namespace landseer::broker {

DiskGuard::DiskGuard(std::string folder, std::uint64_t needed_bytes)
    : folder_(std::move(folder)),
      reserve_path_(folder_ + "/reserve"),
      needed_bytes_(needed_bytes),
      reserve_bytes_(needed_bytes / 16) {}

std::uint64_t DiskGuard::free_bytes() const {
  struct statvfs disk {};
  // If nobody can say, the disk will, when it is full.
  if (statvfs(folder_.c_str(), &disk) != 0) return std::numeric_limits<std::uint64_t>::max();
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

std::optional<DiskSpace> DiskGuard::look(const Now& now) {
  if (now.instant < next_look_) return std::nullopt;
  next_look_ = now.instant + std::chrono::seconds(1);
  const std::uint64_t free = free_bytes();
  const bool low = free < needed_bytes_;
  if (!low) make_reserve();
  if (low == low_) return std::nullopt;
  low_ = low;
  return DiskSpace{low, free, needed_bytes_};
}

bool DiskGuard::give_reserve() { return unlink(reserve_path_.c_str()) == 0; }

void DiskGuard::make_reserve() {
  struct stat found {};
  if (reserve_bytes_ == 0 || stat(reserve_path_.c_str(), &found) == 0) return;
  if (free_bytes() < 2 * reserve_bytes_) return;
  const int file = open(reserve_path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  const bool made = posix_fallocate(file, 0, static_cast<off_t>(reserve_bytes_)) == 0;
  close(file);
  if (!made) unlink(reserve_path_.c_str());
}

}  // namespace landseer::broker
