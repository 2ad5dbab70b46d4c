#include "worker/io/scratch_folder.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace landseer::worker {
namespace {

constexpr std::size_t kTokenDigits = 32;  // 128 bits
constexpr int kLockTries = 25;
constexpr int kLockPauseMs = 20;

tl::unexpected<Error> io_error(const std::string& what, const std::string& path) {
  return fail(ErrorCode::kIo, "cannot " + what + ": " + std::strerror(errno), path,
              "check the folder's owner and free space, or choose another with --scratch");
}

std::string new_token() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, kTokenDigits> random{};
  // Up to 256 bytes are never short once the kernel has entropy.
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) return {};
  std::string token;
  for (const unsigned char byte : random) token.push_back(kHex[byte & 15]);
  return token;
}

}  // namespace

Result<ScratchFolder> ScratchFolder::open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return fail(ErrorCode::kIo, "cannot make the scratch folder: " + error.message(), path,
                "choose another with --scratch");
  }
  chmod(path.c_str(), 0700);
  const std::string lock_path = path + "/lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) return io_error("open", lock_path);
  // A worker killed while it started its executor leaves a child that holds the lock for a moment.
  int tries = kLockTries;
  while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && --tries > 0) poll(nullptr, 0, kLockPauseMs);
  if (tries == 0) {
    return fail(ErrorCode::kConflict, "another worker uses this scratch folder", path,
                "stop it, or choose another --name or --scratch");
  }
  ScratchFolder folder(path, std::move(lock));
  if (auto read = folder.read_token("uid", folder.uid_); !read) {
    return tl::make_unexpected(read.error());
  }
  if (auto read = folder.read_token("fetch.secret", folder.fetch_secret_); !read) {
    return tl::make_unexpected(read.error());
  }
  return folder;
}

Result<void> ScratchFolder::read_token(const char* name, std::string& token) const {
  const std::string file = path_ + "/" + name;
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) return io_error("open", file);
  std::array<char, kTokenDigits> text{};
  if (read(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    token.assign(text.data(), text.size());
    return {};
  }
  token = new_token();
  if (token.empty() ||
      pwrite(fd.get(), token.data(), token.size(), 0) != static_cast<ssize_t>(token.size()) ||
      fsync(fd.get()) != 0) {
    return io_error("write", file);
  }
  return {};
}

}  // namespace landseer::worker
