#include "broker/io/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <random>

namespace landseer::broker {
namespace {

tl::unexpected<Error> io_error(const std::string& what, const std::string& path) {
  if (errno == EMFILE || errno == ENFILE) {
    return fail(ErrorCode::kLimit, "cannot " + what + ": too many files are open", path,
                "connections are ended to make room");
  }
  if (errno == ENOSPC || errno == EDQUOT) {
    return fail(ErrorCode::kLimit, "cannot " + what + ": the disk is full", path,
                "free some space");
  }
  return fail(ErrorCode::kIo, "cannot " + what + ": " + std::strerror(errno), path,
              "check owner, space and the --state option");
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return io_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(fd) != 0) return io_error("sync", path);
  return {};
}

Result<void> sync_folder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return io_error("open", path);
  const bool synced = fsync(fd) == 0;
  close(fd);
  if (!synced) return io_error("sync", path);
  return {};
}

/// A file appears under its name complete and durable, or not at all.
Result<void> replace_file(const std::string& folder, const std::string& path,
                          std::string_view bytes) {
  const std::string draft = path + ".draft";
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return io_error("write", draft);
  auto written = write_all(fd, bytes, draft);
  close(fd);
  if (!written) unlink(draft.c_str());
  if (!written) return written;
  if (rename(draft.c_str(), path.c_str()) != 0) return io_error("put in place", path);
  return sync_folder(folder);
}

/// Nothing if there is no such file.
Result<std::optional<std::string>> read_small(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  if (fd < 0) return io_error("read", path);
  char buffer[64];
  const ssize_t size = read(fd, buffer, sizeof buffer);
  if (size < 0) {
    auto error = io_error("read", path);
    close(fd);
    return error;
  }
  close(fd);
  return std::string(buffer, static_cast<std::size_t>(size));
}

tl::unexpected<Error> bad_epoch(const std::string& why, const std::string& path) {
  return fail(ErrorCode::kIo, "the epoch file is damaged: " + why, path,
              "write a number larger than any epoch used before into it");
}

}  // namespace

Result<std::unique_ptr<StateFolder>> StateFolder::open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path + "/blobs", error);
  if (error) {
    return fail(ErrorCode::kIo, "cannot make the state folder: " + error.message(), path,
                "choose another with --state");
  }
  chmod(path.c_str(), 0700);
  auto folder = lock(path);
  if (!folder) return folder;
  if (auto raised = (*folder)->raise_epoch(); !raised) return tl::make_unexpected(raised.error());
  return folder;
}

Result<std::unique_ptr<StateFolder>> StateFolder::lock(const std::string& path) {
  const std::string lock_path = path + "/lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return io_error("open", lock_path);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return fail(ErrorCode::kConflict, "another broker uses this state folder", path,
                "stop it, or choose another folder with --state");
  }
  return std::unique_ptr<StateFolder>(new StateFolder(path, lock));
}

StateFolder::~StateFolder() { close(lock_); }

Result<void> StateFolder::raise_epoch() {
  const std::string file = path_ + "/epoch";
  const auto text = read_small(file);
  if (!text) return tl::make_unexpected(text.error());
  if (*text) {
    const char* begin = (*text)->data();
    const char* end = begin + (*text)->find_last_not_of("\n ") + 1;
    const auto [stop, bad] = std::from_chars(begin, end, epoch_);
    if (bad != std::errc{} || stop != end || epoch_ > 0x7fffffff) {
      return bad_epoch("it does not hold a number", file);
    }
  } else if (access((path_ + "/broker.sqlite").c_str(), F_OK) == 0) {
    return bad_epoch("it is missing, but there is a store", file);
  } else {
    // Numbers of tasks begin anew with a new folder. A worker may still hold attempts from an older
    // one, and must not take (epoch, task, attempt) of this broker for one of those.
    epoch_ = std::random_device{}() % 0x3fffffff;
  }
  ++epoch_;
  return replace_file(path_, file, std::to_string(epoch_) + "\n");
}

Result<void> StateFolder::keep_blob(const Digest& digest, std::string_view bytes) {
  const std::string path = blob_path(digest);
  if (access(path.c_str(), F_OK) == 0) return {};
  return replace_file(path_ + "/blobs", path, bytes);
}

void StateFolder::remove_blob(const Digest& digest) { unlink(blob_path(digest).c_str()); }

void StateFolder::remove_blobs_but(const std::set<Digest>& needed) {
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(path_ + "/blobs", ignored)) {
    const auto digest = Digest::from_hex(file.path().filename().string());
    if (!digest || !needed.contains(*digest)) std::filesystem::remove(file.path(), ignored);
  }
}

std::optional<std::string> StateFolder::read_blob(const Digest& digest, std::uint64_t offset,
                                                  std::size_t limit, std::uint64_t& size) const {
  const int fd = ::open(blob_path(digest).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return std::nullopt;
  struct stat info {};
  std::optional<std::string> bytes;
  if (fstat(fd, &info) == 0) {
    size = static_cast<std::uint64_t>(info.st_size);
    const std::uint64_t left = size - std::min(size, offset);
    bytes.emplace(static_cast<std::size_t>(std::min<std::uint64_t>(limit, left)), '\0');
    const off_t from = left > 0 ? static_cast<off_t>(offset) : 0;
    const ssize_t got = pread(fd, bytes->data(), bytes->size(), from);
    if (got < 0) {
      bytes.reset();
    } else {
      bytes->resize(static_cast<std::size_t>(got));
    }
  }
  close(fd);
  return bytes;
}

}  // namespace landseer::broker
