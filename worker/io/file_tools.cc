#include "worker/io/file_tools.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>

namespace landseer::worker {
namespace {

constexpr int kShareDepthMax = 64;
constexpr std::size_t kCopyBytes = 256 * 1024;

std::string own_fd_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

bool clone(int source, int target) { return ioctl(target, FICLONE, source) == 0; }

/// By the kernel where it can (no bytes pass through here), else by hand from where that ended.
Result<void> copy_content(int source, int target, const std::string& where) {
  while (true) {
    const ssize_t count = copy_file_range(source, nullptr, target, nullptr, kCopyBytes * 64, 0);
    if (count <= 0) break;
  }
  std::string buffer(kCopyBytes, '\0');
  while (true) {
    const ssize_t count = read(source, buffer.data(), buffer.size());
    if (count < 0) return fail_errno("read", where);
    if (count == 0) return {};
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
    if (auto written = write_all(target, piece, where); !written) return written;
  }
}

/// Opens a folder on the same mount. A name alone cannot lead out; a file system that a tool has
/// mounted there could.
UniqueFd open_beneath(int parent, const std::string& name, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  UniqueFd folder(static_cast<int>(syscall(SYS_openat2, parent, name.c_str(), &how, sizeof how)));
  if (folder || (errno != ENOSYS && errno != EPERM && errno != EINVAL)) return folder;
  // A kernel before 5.6, or a filter that does not know the call.
  return UniqueFd(openat(parent, name.c_str(), static_cast<int>(how.flags)));
}

bool link_file(int source, int folder, const std::string& name) {
  return linkat(AT_FDCWD, own_fd_path(source).c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) ==
         0;
}

/// Empty: this file system cannot clone, and nothing was left behind.
Result<bool> new_file(int source, int folder, const std::string& name, mode_t mode,
                      bool only_clone) {
  struct stat status {};
  if (fstat(source, &status) != 0) return fail_errno("look at the source", name);
  UniqueFd target(openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target) return fail_errno("create", name);
  if (!clone(source, target.get())) {
    if (only_clone) {
      unlinkat(folder, name.c_str(), 0);
      return false;
    }
    if (lseek(source, 0, SEEK_SET) < 0) return fail_errno("rewind", name);
    if (auto copied = copy_content(source, target.get(), name); !copied) {
      return tl::make_unexpected(copied.error());
    }
  }
  const std::array<timespec, 2> times{timespec{0, UTIME_NOW}, status.st_mtim};
  if (fchmod(target.get(), mode) != 0 || futimens(target.get(), times.data()) != 0) {
    return fail_errno("finish", name);
  }
  return true;
}

Result<void> share_opened(UniqueFd source, int folder, const std::string& name, int depth);

Result<void> share_folder(int source, int folder, const std::string& name, int depth) {
  if (depth > kShareDepthMax) {
    return fail(ErrorCode::kLimit, "folders are nested deeper than 64 levels", name,
                "is there a link to a folder above?");
  }
  auto names = list_folder(source);
  if (!names) return tl::make_unexpected(names.error());
  auto target = make_subfolder(folder, name);
  if (!target) return tl::make_unexpected(target.error());
  for (const std::string& entry : *names) {
    UniqueFd opened(openat(source, entry.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!opened) return fail_errno("open", name + "/" + entry);
    if (auto shared = share_opened(std::move(opened), target->get(), entry, depth + 1); !shared) {
      shared.error().where = name + "/" + shared.error().where;
      return shared;
    }
  }
  return {};
}

Result<void> share_opened(UniqueFd source, int folder, const std::string& name, int depth) {
  struct stat status {};
  if (fstat(source.get(), &status) != 0) return fail_errno("look at", name);
  if (S_ISDIR(status.st_mode)) return share_folder(source.get(), folder, name, depth);
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kInvalid, "is neither a file nor a folder", name);
  }
  const mode_t mode = (status.st_mode & 0100) != 0 ? 0555 : 0444;
  return share_file(source.get(), folder, name, Sharing::kClone, mode);
}

/// Removes trees of any depth with a bounded stack: what lies too deep is moved up first.
class Remover {
 public:
  explicit Remover(int top) : top_(top) {}

  Result<void> empty_top() {
    do {
      moved_ = false;
      if (auto emptied = empty(top_, 0); !emptied) return emptied;
    } while (moved_);
    return {};
  }

 private:
  static constexpr int kDepthMax = 64;

  /// Opens a folder for us even if its maker took our rights away.
  static Result<UniqueFd> open_own(int parent, const std::string& name) {
    UniqueFd handle = open_beneath(parent, name, O_PATH);
    if (!handle) return fail_errno("open the folder", name);
    chmod(own_fd_path(handle.get()).c_str(), 0700);  // If refused, what follows says so.
    return open_subfolder(handle.get(), ".");
  }

  Result<void> empty(int folder, int depth) {
    auto names = list_folder(folder);
    if (!names) return tl::make_unexpected(names.error());
    for (const std::string& name : *names) {
      if (unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR && errno != EPERM) return fail_errno("remove", name);
      if (auto removed = remove_folder(folder, name, depth); !removed) return removed;
    }
    return {};
  }

  Result<void> remove_folder(int parent, const std::string& name, int depth) {
    auto folder = open_own(parent, name);
    if (!folder) return tl::make_unexpected(folder.error());
    if (depth >= kDepthMax) {
      const std::string place = ".moved-up-" + std::to_string(++count_);
      if (renameat(parent, name.c_str(), top_, place.c_str()) != 0) {
        return fail_errno("move up", name);
      }
      moved_ = true;
      return {};
    }
    if (auto emptied = empty(folder->get(), depth + 1); !emptied) {
      emptied.error().where = name + "/" + emptied.error().where;
      return emptied;
    }
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0) return fail_errno("remove", name);
    return {};
  }

  int top_;
  bool moved_ = false;
  std::uint64_t count_ = 0;
};

}  // namespace

tl::unexpected<Error> fail_errno(std::string_view what, std::string where) {
  const int code = errno;
  const bool forbidden = code == EACCES || code == EPERM || code == ELOOP || code == EXDEV ||
                         code == ENXIO || code == ENOTDIR;
  const bool full = code == ENOSPC || code == EDQUOT;
  return fail(forbidden ? ErrorCode::kNotAllowed : ErrorCode::kIo,
              "cannot " + std::string(what) + ": " + std::generic_category().message(code),
              std::move(where), full ? "free space on this disk" : "");
}

std::string_view kind_of(mode_t mode) {
  if (S_ISREG(mode)) return "a file";
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Result<UniqueFd> open_folder(const std::filesystem::path& path) {
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail_errno("open the folder", path.string());
  return folder;
}

Result<UniqueFd> open_subfolder(int parent, const std::string& name) {
  UniqueFd folder = open_beneath(parent, name, O_RDONLY);
  if (!folder) return fail_errno("open the folder", name);
  return folder;
}

Result<UniqueFd> open_tool_folder(const std::filesystem::path& path) {
  auto parent = open_folder(path.parent_path());
  if (!parent) return parent;
  const std::string name = path.filename().string();
  struct stat status {};
  if (fstatat(parent->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return fail_errno("look at the folder", path.string());
    return fail(ErrorCode::kInvalid, "the tool removed the folder", path.string(),
                "let it remove what is inside only");
  }
  if (!S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::kInvalid,
                "the tool put " + std::string(kind_of(status.st_mode)) + " in the folder's place",
                path.string(), "let it write into the folder");
  }
  auto folder = open_subfolder(parent->get(), name);
  if (!folder) folder.error().where = path.string();
  return folder;
}

Result<UniqueFd> make_subfolder(int parent, const std::string& name) {
  const bool made = mkdirat(parent, name.c_str(), 0755) == 0;
  if (!made && errno != EEXIST) return fail_errno("create the folder", name);
  auto folder = open_subfolder(parent, name);
  // Whatever the umask.
  if (made && folder && fchmod(folder->get(), 0755) != 0) return fail_errno("open up", name);
  return folder;
}

Result<std::vector<std::string>> list_folder(int folder) {
  // A descriptor of its own: reading a folder moves the offset that duplicates share. Not
  // readdir(), whose buffer of 32 KiB and questions cost more than a folder of a few names.
  const UniqueFd own(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) return fail_errno("read the folder", {});
  std::vector<std::string> names;
  alignas(dirent64) char entries[8 * 1024];
  while (true) {
    const ssize_t bytes = getdents64(own.get(), entries, sizeof entries);
    if (bytes < 0 && errno != ENOENT) return fail_errno("read the folder", {});
    if (bytes <= 0) break;  // or it was removed meanwhile
    for (ssize_t at = 0; at < bytes;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries + at);
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      at += entry->d_reclen;
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> read_file(int folder, const std::string& name, std::size_t bytes_max) {
  UniqueFd file(openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return fail(ErrorCode::kNotFound, "does not exist", name);
    return fail_errno("open", name);
  }
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return fail_errno("look at", name);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::kInvalid, "is not a regular file", name);
  std::string content;
  std::string buffer(std::min(bytes_max + 1, kCopyBytes), '\0');
  while (content.size() <= bytes_max) {
    const ssize_t count = read(file.get(), buffer.data(), buffer.size());
    if (count < 0) return fail_errno("read", name);
    if (count == 0) return content;
    content.append(buffer, 0, static_cast<std::size_t>(count));
  }
  return fail(ErrorCode::kLimit, "is larger than " + std::to_string(bytes_max) + " bytes", name);
}

Result<void> write_file(int folder, const std::string& name, std::string_view content) {
  UniqueFd file(openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file || fchmod(file.get(), 0644) != 0) return fail_errno("create", name);
  return write_all(file.get(), content, name);
}

Result<void> rewrite_file(int folder, const std::string& name, std::string_view content) {
  const UniqueFd file(openat(folder, name.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  const bool ours = file && fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
                    status.st_nlink == 1 && status.st_uid == geteuid() &&
                    (status.st_mode & 07777) == 0644;
  if (!ours) {
    if (unlinkat(folder, name.c_str(), 0) != 0 && errno != ENOENT) {
      return fail_errno("replace", name);
    }
    return write_file(folder, name, content);
  }
  // Cut at the end: ext4 takes a file cut to nothing for one that is replaced, and flushes it.
  if (auto written = write_all(file.get(), content, name); !written) return written;
  if (ftruncate(file.get(), static_cast<off_t>(content.size())) != 0) {
    return fail_errno("write", name);
  }
  return {};
}

bool read_at(int file, std::uint64_t offset, std::span<char> target) {
  while (!target.empty()) {
    const ssize_t count = pread(file, target.data(), target.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    offset += static_cast<std::uint64_t>(count);
    target = target.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

Result<void> write_all(int file, std::string_view content, const std::string& where) {
  while (!content.empty()) {
    const ssize_t count = write(file, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("write", where);
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> share_file(int source, int folder, const std::string& name, Sharing sharing,
                        mode_t mode) {
  if (sharing == Sharing::kLink && link_file(source, folder, name)) return {};
  if (sharing == Sharing::kClone) {
    auto cloned = new_file(source, folder, name, mode, true);
    if (!cloned) return tl::make_unexpected(cloned.error());
    if (*cloned || link_file(source, folder, name)) return {};
  }
  auto copied = new_file(source, folder, name, mode, false);
  if (!copied) return tl::make_unexpected(copied.error());
  return {};
}

Result<void> share_tree(const std::filesystem::path& source, int folder, const std::string& name) {
  UniqueFd opened(open(source.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!opened) return fail_errno("open", source.string());
  return share_opened(std::move(opened), folder, name, 0);
}

Result<void> empty_tree(const std::filesystem::path& folder) {
  auto top = open_folder(folder);
  return top ? Remover(top->get()).empty_top() : tl::make_unexpected(top.error());
}

Result<void> remove_tree(const std::filesystem::path& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return fail_errno("remove", path.string());
  UniqueFd handle(open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!handle) return fail_errno("open the folder", path.string());
  chmod(own_fd_path(handle.get()).c_str(), 0700);
  auto top = open_subfolder(handle.get(), ".");
  if (!top) return tl::make_unexpected(top.error());
  if (auto emptied = Remover(top->get()).empty_top(); !emptied) {
    emptied.error().where = path.string() + "/" + emptied.error().where;
    return emptied;
  }
  if (rmdir(path.c_str()) != 0) return fail_errno("remove", path.string());
  return {};
}

}  // namespace landseer::worker
