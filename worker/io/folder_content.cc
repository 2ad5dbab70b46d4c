#include "worker/io/folder_content.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "worker/io/file_tools.h"
#include "worker/io/sealed_object.h"

namespace landseer::worker {
namespace {

constexpr int kDepthMax = 64;

/// Visits every file below a folder in the order of the names.
class Walk {
 public:
  using Visit =
      std::function<Result<void>(int file, const struct stat& status, const std::string& path)>;

  Walk(FolderFiles files, Visit visit) : wanted_(files), visit_(std::move(visit)) {}

  Result<void> folder(int folder, const std::string& prefix, int depth) {
    if (depth > kDepthMax) {
      return fail(ErrorCode::kLimit, "folders are nested deeper than 64 levels", prefix,
                  "is there a link to a folder above?");
    }
    auto names = list_folder(folder);
    if (!names) {
      names.error().where = prefix;
      return tl::make_unexpected(names.error());
    }
    for (const std::string& name : *names) {
      if (wanted_ == FolderFiles::kWithoutCaches && name == "__pycache__") continue;
      if (auto visited = entry(folder, name, prefix + name, depth); !visited) return visited;
    }
    return {};
  }

 private:
  Result<void> entry(int folder, const std::string& name, const std::string& path, int depth) {
    struct stat status {};
    if (fstatat(folder, name.c_str(), &status, 0) != 0) return fail_errno("look at", path);
    if (S_ISREG(status.st_mode)) {
      if (++files_ > kFolderFilesMax) {
        return fail(ErrorCode::kLimit, "the folder has more than 20,000,000 files", path);
      }
      return visit_(folder, status, path);
    }
    if (!S_ISDIR(status.st_mode)) {
      return fail(ErrorCode::kInvalid, "is neither a file nor a folder", path);
    }
    const UniqueFd inner(openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!inner) return fail_errno("open the folder", path);
    return this->folder(inner.get(), path + "/", depth + 1);
  }

  FolderFiles wanted_;
  Visit visit_;
  std::uint64_t files_ = 0;
};

Result<Digest> walk(const std::filesystem::path& folder, FolderFiles files, Hasher& hasher,
                    const Walk::Visit& visit) {
  auto opened = open_folder(folder);
  if (!opened) return tl::make_unexpected(opened.error());
  if (auto walked = Walk(files, visit).folder(opened->get(), "", 1); !walked) {
    walked.error().where = (folder / walked.error().where).string();
    return tl::make_unexpected(walked.error());
  }
  return hasher.finish();
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Result<std::string> file_line(int folder, const std::string& path, const Cancel& cancel) {
  const UniqueFd file(openat(folder, base_name(path).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) return fail_errno("open", path);
  Hasher content;
  std::uint64_t bytes = 0;
  auto read = read_through(file.get(), path, [&](std::string_view piece) -> Result<void> {
    if (cancel.requested()) return fail(ErrorCode::kConflict, "reading the folder was called off");
    content.update(piece);
    bytes += piece.size();
    return {};
  });
  if (!read) return tl::make_unexpected(read.error());
  return content.finish().hex() + " " + std::to_string(bytes) + " " + std::to_string(path.size()) +
         " " + path + "\n";
}

}  // namespace

Result<Digest> folder_content(const std::filesystem::path& folder, FolderFiles files,
                              const Cancel& cancel) {
  Hasher hasher;
  hasher.update("landseer-dataset 1\n");
  return walk(folder, files, hasher,
              [&](int parent, const struct stat&, const std::string& path) -> Result<void> {
                auto line = file_line(parent, path, cancel);
                if (!line) return tl::make_unexpected(line.error());
                hasher.update(*line);
                return {};
              });
}

/// Without the change time: to link a file, as attempts do, changes that.
Result<Digest> folder_signature(const std::filesystem::path& folder, FolderFiles files) {
  Hasher hasher;
  return walk(
      folder, files, hasher,
      [&](int, const struct stat& status, const std::string& path) -> Result<void> {
        std::string line = path;
        line.push_back('\0');
        for (const std::uint64_t number : {static_cast<std::uint64_t>(status.st_size),
                                           static_cast<std::uint64_t>(status.st_mtim.tv_sec),
                                           static_cast<std::uint64_t>(status.st_mtim.tv_nsec),
                                           static_cast<std::uint64_t>(status.st_ino),
                                           static_cast<std::uint64_t>(status.st_dev)}) {
          line += std::to_string(number) + " ";
        }
        hasher.update(line);
        return {};
      });
}

}  // namespace landseer::worker
