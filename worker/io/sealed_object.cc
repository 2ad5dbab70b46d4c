#include "worker/io/sealed_object.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>

namespace landseer::worker {
namespace {

/// 2000-01-01 00:00:00 UTC: no clock writes it today, and archivers that know no 1970 accept it.
constexpr timespec kSealedTime{946684800, 0};
constexpr mode_t kSealedMode = 0444;

}  // namespace

std::filesystem::path object_path(const std::filesystem::path& root, const Digest& blob) {
  const std::string hex = blob.hex();
  return root / "objects" / hex.substr(0, 2) / hex;
}

bool is_sealed(const struct stat& status) {
  return S_ISREG(status.st_mode) && (status.st_mode & 07777) == kSealedMode &&
         status.st_mtim.tv_sec == kSealedTime.tv_sec &&
         status.st_mtim.tv_nsec == kSealedTime.tv_nsec;
}

UniqueFd open_sealed(const std::filesystem::path& root, const Digest& blob, struct stat& status) {
  const std::filesystem::path path = object_path(root, blob);
  UniqueFd file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file || fstat(file.get(), &status) != 0 || !is_sealed(status)) return UniqueFd();
  return file;
}

Result<void> seal(int file, const std::string& where) {
  const std::array<timespec, 2> times{timespec{0, UTIME_OMIT}, kSealedTime};
  if (fchmod(file, kSealedMode) != 0 || futimens(file, times.data()) != 0) {
    return fail_errno("seal", where);
  }
  return {};
}

std::string unique_name() {
  static std::atomic<std::uint64_t> count{0};
  std::uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) random = 0;  // pid and count remain.
  return std::to_string(getpid()) + "-" + std::to_string(++count) + "-" + std::to_string(random);
}

Result<void> install(const std::filesystem::path& root, const std::string& name,
                     const Digest& blob) {
  const std::filesystem::path from = root / "tmp" / name;
  const std::filesystem::path to = object_path(root, blob);
  struct stat status {};
  const bool present = lstat(to.c_str(), &status) == 0 && is_sealed(status);
  if (!present && rename(from.c_str(), to.c_str()) != 0) {
    const auto failure = fail_errno("put into place", to.string());
    unlink(from.c_str());
    return failure;
  }
  // Also after rename: it does nothing when both names are one file already.
  unlink(from.c_str());
  return {};
}

}  // namespace landseer::worker
