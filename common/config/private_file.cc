#include "common/config/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/base/unique_fd.h"
#include "common/config/rendezvous.h"

namespace landseer::config {
namespace {

constexpr mode_t kOthers = 077;

tl::unexpected<Error> io_error(const std::string& what, const std::string& path) {
  return fail(ErrorCode::kIo, "cannot " + what + ": " + std::strerror(errno), path,
              "check the folder's owner and free space, or set LANDSEER_HOME");
}

Result<void> write_private(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return io_error("write the file", path);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (close(fd) != 0 || !written) return io_error("write the file", path);
  return {};
}

tl::unexpected<Error> read_error(const std::string& what, const std::string& path) {
  return fail(ErrorCode::kIo, "cannot " + what + ": " + std::strerror(errno), path,
              "check the folder and its owner");
}

/// Whether only we can read and change what `status` is of.
Result<void> check_owner(const struct stat& status, const std::string& path, const char* mode,
                         const PrivateHints& hints) {
  if (status.st_uid != geteuid()) {
    return fail(ErrorCode::kNotAllowed, "it belongs to another user", path,
                "run this as that user, or `chown " + std::to_string(geteuid()) + " " + path + "`");
  }
  if ((status.st_mode & kOthers) != 0) {
    return fail(ErrorCode::kNotAllowed,
                "others may read or change it, so its content counts as known", path,
                "`chmod " + std::string(mode) + " " + path + "`; " + hints.exposed);
  }
  return {};
}

}  // namespace

Result<void> replace_private_file(const std::string& path, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(home_folder(), error);
  if (error) {
    return fail(ErrorCode::kIo, "cannot make the folder: " + error.message(), home_folder(),
                "set LANDSEER_HOME to a folder that can be written");
  }
  chmod(home_folder().c_str(), 0700);
  const std::string draft = path + "." + std::to_string(getpid());
  if (auto written = write_private(draft, text); !written) return written;
  if (rename(draft.c_str(), path.c_str()) != 0) return io_error("put the file in place", path);
  return {};
}

Result<void> check_private_folder(const std::string& folder, const PrivateHints& hints) {
  struct stat status {};
  if (lstat(folder.c_str(), &status) != 0) {
    if (errno != ENOENT) return read_error("look at the folder", folder);
    return fail(ErrorCode::kNotFound, "there is no such folder", folder, hints.missing);
  }
  if (!S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::kNotAllowed, "it is no folder", folder, "name the folder itself");
  }
  return check_owner(status, folder, "700", hints);
}

Result<std::string> read_private_file(const std::string& folder, const std::string& file,
                                      std::size_t bytes_max, const PrivateHints& hints) {
  if (auto good = check_private_folder(folder, hints); !good)
    return tl::make_unexpected(good.error());
  const std::string path = folder + "/" + file;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) {
      return fail(ErrorCode::kNotFound, "there is no such file", path, hints.missing);
    }
    if (errno == ELOOP) {
      return fail(ErrorCode::kNotAllowed, "it is a link", path, "put the file itself there");
    }
    return read_error("read the file", path);
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return read_error("look at the file", path);
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kNotAllowed, "it is no file", path, "put a file there");
  }
  if (auto good = check_owner(status, path, "600", hints); !good) {
    return tl::make_unexpected(good.error());
  }
  std::string text(bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0) return read_error("read the file", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);  // one too many is what the parser refuses
  return text;
}

}  // namespace landseer::config
