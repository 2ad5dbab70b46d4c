#include "common/config/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/config/rendezvous.h"

namespace landseer::config {
namespace {

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

}  // namespace landseer::config
