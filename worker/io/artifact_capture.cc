// ArtifactStore::capture: what a tool left behind becomes an artifact.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "worker/io/artifact_store.h"
#include "worker/io/sealed_object.h"

namespace landseer::worker {
namespace {

constexpr std::size_t kReadBytes = 1024 * 1024;

std::string_view kind_of(mode_t mode) {
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

/// Feeds a file's content from its beginning to `consume`, piece by piece.
template <class Consume>
Result<void> read_through(int file, const std::string& where, Consume&& consume) {
  std::string buffer(kReadBytes, '\0');
  for (off_t offset = 0;;) {
    const ssize_t count = pread(file, buffer.data(), buffer.size(), offset);
    if (count < 0) return fail_errno("read", where);
    if (count == 0) return {};
    offset += count;
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
    Result<void> consumed = consume(piece);
    if (!consumed) return consumed;
  }
}

/// True if the file was left alone between the two looks.
bool unchanged(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

class Capturer {
 public:
  Capturer(const ArtifactStore& store, std::filesystem::path root, dev_t device)
      : store_(store), root_(std::move(root)), device_(device) {}

  Result<void> walk(int folder, const std::string& prefix, std::size_t depth) {
    if (depth > kPathDepthMax) {
      return fail(ErrorCode::kLimit, "the output has folders deeper than 64 names",
                  prefix.substr(0, 256) + "...");
    }
    auto names = list_folder(folder);
    if (!names) {
      names.error().where = prefix;
      return tl::make_unexpected(names.error());
    }
    for (const std::string& name : *names) {
      if (auto taken = take(folder, name, prefix + name, depth); !taken) return taken;
    }
    return {};
  }

  Manifest manifest;

 private:
  Result<void> take(int folder, const std::string& name, const std::string& path,
                    std::size_t depth) {
    struct stat status {};
    if (fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return fail_errno("look at the output", path);
    }
    if (S_ISDIR(status.st_mode)) {
      auto inner = open_subfolder(folder, name);
      if (!inner) {
        inner.error().where = path;
        return tl::make_unexpected(inner.error());
      }
      return walk(inner->get(), path + "/", depth + 1);
    }
    if (!S_ISREG(status.st_mode)) {
      return fail(ErrorCode::kInvalid,
                  "the output has " + std::string(kind_of(status.st_mode)) +
                      " in it; only files and folders can be kept",
                  path, "let the tool copy what it points to, or remove it");
    }
    if (auto good = check_path(path); !good) return good;
    if (manifest.entries.size() >= kManifestEntriesMax) {
      return fail(ErrorCode::kLimit, "the output has more than 100000 files", {},
                  "pack small files into an archive");
    }
    return take_file(folder, name, path);
  }

  Result<void> take_file(int folder, const std::string& name, const std::string& path) {
    constexpr int kHow = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    const UniqueFd file(openat(folder, name.c_str(), kHow));
    if (!file) return fail_errno("open the output", path);
    struct stat before {};
    struct stat after {};
    if (fstat(file.get(), &before) != 0) return fail_errno("look at the output", path);
    // Moved only if the file is this attempt's alone: another name for it, say in the checkpoint
    // folder, could be written to later. An executable would lose its mode in the output folder,
    // and a second capture after a crash would name the artifact differently.
    const bool executable = (before.st_mode & 0100) != 0;
    const bool movable = before.st_nlink == 1 && before.st_uid == geteuid() &&
                         before.st_dev == device_ && !executable;
    auto content = movable ? hash(file.get(), path) : copy(file.get(), path);
    if (!content) return tl::make_unexpected(content.error());
    if (fstat(file.get(), &after) != 0) return fail_errno("look at the output", path);
    if (!unchanged(before, after)) {
      return fail(ErrorCode::kConflict, "the file changed while it was captured", path);
    }
    if (movable && !store_.has(*content)) {
      if (auto moved = move_in(file.get(), *content, path); !moved) return moved;
    }
    manifest.entries.push_back(
        {path, static_cast<std::uint64_t>(before.st_size), executable, *content});
    return {};
  }

  static Result<Digest> hash(int file, const std::string& path) {
    Hasher hasher;
    auto read = read_through(file, path, [&](std::string_view piece) -> Result<void> {
      hasher.update(piece);
      return {};
    });
    if (!read) return tl::make_unexpected(read.error());
    return hasher.finish();
  }

  Result<Digest> copy(int file, const std::string& path) {
    auto writer = store_.make_writer();
    if (!writer) return tl::make_unexpected(writer.error());
    auto read =
        read_through(file, path, [&](std::string_view piece) { return writer->append(piece); });
    if (!read) return tl::make_unexpected(read.error());
    return writer->finish();
  }

  /// By a second name for the very file that was hashed, whatever happened to its first name.
  Result<void> move_in(int file, const Digest& content, const std::string& path) {
    const std::string name = unique_name();
    const std::string source = "/proc/self/fd/" + std::to_string(file);
    if (linkat(AT_FDCWD, source.c_str(), AT_FDCWD, (root_ / "tmp" / name).c_str(),
               AT_SYMLINK_FOLLOW) != 0) {
      // No hard links here after all, by mount or by policy.
      auto copied = copy(file, path);
      return copied ? Result<void>{} : tl::make_unexpected(copied.error());
    }
    if (auto sealed = seal(file, path); !sealed) {
      unlink((root_ / "tmp" / name).c_str());
      return sealed;
    }
    return install(root_, name, content);
  }

  const ArtifactStore& store_;
  std::filesystem::path root_;
  dev_t device_;
};

}  // namespace

Result<StoredArtifact> ArtifactStore::capture(const std::filesystem::path& folder) const {
  auto opened = open_folder(folder);
  if (!opened) return tl::make_unexpected(opened.error());
  struct stat status {};
  if (stat((root_ / "tmp").c_str(), &status) != 0) {
    return fail_errno("look at the store", root_.string());
  }
  Capturer capturer(*this, root_, status.st_dev);
  if (auto walked = capturer.walk(opened->get(), "", 1); !walked) {
    return tl::make_unexpected(walked.error());
  }
  if (capturer.manifest.entries.empty()) return StoredArtifact{};
  auto text = manifest_text(capturer.manifest);
  if (!text) return tl::make_unexpected(text.error());
  // Last: an artifact whose list is here is here as a whole.
  auto artifact = add_blob(*text);
  if (!artifact) return tl::make_unexpected(artifact.error());
  return StoredArtifact{*artifact, capturer.manifest.bytes(), capturer.manifest.entries.size()};
}

}  // namespace landseer::worker
