#include "submitter/pipeline/disk.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "common/base/units.h"

namespace landseer::pipeline {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const std::string& file) { return fs::path(file).parent_path(); }

std::string first_file(const fs::path& first, const fs::path& second) {
  if (is_file(first.string())) return first.string();
  if (is_file(second.string())) return second.string();
  return {};
}

}  // namespace

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) && !fs::is_directory(path, ignored);
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    return fail(ErrorCode::kIo, "this is a folder, not a file", path, "name a file in it");
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    const int reason = errno;
    return fail(reason == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                std::string("cannot open the file: ") + std::strerror(reason), path,
                reason == ENOENT ? "check the path" : "check that you may read it");
  }
  std::string content;
  std::array<char, 64 * 1024> chunk{};
  while (content.size() <= bytes_max && stream) {
    stream.read(chunk.data(), chunk.size());
    content.append(chunk.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) return fail(ErrorCode::kIo, "cannot read the file", path, "check the disk");
  if (content.size() > bytes_max) {
    return fail(ErrorCode::kLimit, "the file is larger than " + format_bytes(bytes_max),
                path + ":1:1", "make it smaller or split it");
  }
  return content;
}

std::string find_beside(const std::string& file, const std::string& path) {
  return first_file(folder_of(file) / path, fs::path(path));
}

std::string find_registry(const std::string& file, const std::string& name) {
  // Through the absolute path: "one folder up" of a bare file name is the current folder's parent.
  std::error_code failed;
  const fs::path absolute = fs::absolute(file, failed);
  const fs::path up = failed ? folder_of(file) / ".." : absolute.parent_path().parent_path();
  return first_file(folder_of(file) / name, up / name);
}

}  // namespace landseer::pipeline
