// ArtifactStore::capture: what a tool left behind becomes an artifact.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <map>
#include <optional>

#include "common/base/units.h"
#include "worker/io/artifact_store.h"
#include "worker/io/sealed_object.h"
#include "worker/io/store_lock.h"

namespace landseer::worker {
namespace {

/// True if the file was left alone between the two looks.
bool unchanged(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

/// Whether somebody has the file open for writing, or mapped so: a read lease is given only when
/// nobody has. A file system without leases (NFS) does not tell, and counts as no.
bool is_written_to(int file) {
  fcntl(file, F_SETSIG, SIGURG);  // Nobody gets the default SIGIO, which would end the process.
  if (fcntl(file, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  fcntl(file, F_SETLEASE, F_UNLCK);
  return false;
}

/// Names per file below some folders.
class Links {
 public:
  using Inode = std::pair<dev_t, ino_t>;

  void count(int folder, std::size_t depth) {
    const auto names = list_folder(folder);
    if (!names || depth > kPathDepthMax) return;
    for (const std::string& name : *names) {
      struct stat status {};
      if (fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (S_ISREG(status.st_mode) && status.st_nlink > 1) ++names_[inode(status)];
      if (!S_ISDIR(status.st_mode)) continue;
      if (const auto inner = open_subfolder(folder, name)) count(inner->get(), depth + 1);
    }
  }
  nlink_t names(const struct stat& status) const {
    const auto found = names_.find(inode(status));
    return found == names_.end() ? 0 : found->second;
  }

 private:
  static Inode inode(const struct stat& status) { return {status.st_dev, status.st_ino}; }
  std::map<Inode, nlink_t> names_;
};

class Capturer {
 public:
  Capturer(const ArtifactStore& store, int top, const CaptureRules& rules, dev_t device)
      : store_(store), rules_(rules), top_(top), device_(device) {}

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
    if (auto good = check_file(file.get(), before, path); !good) return good;
    // Moved only if the file is this attempt's alone: another name for it, say in the checkpoint
    // folder, could be written to later. An executable would lose its mode in the output folder,
    // and a second capture after a crash would name the artifact differently.
    const bool executable = (before.st_mode & 0100) != 0;
    const bool movable = before.st_nlink == 1 && before.st_uid == geteuid() &&
                         before.st_dev == device_ && !executable && !rules_.copy;
    auto content = movable ? hash(file.get(), path) : copy(file.get(), path);
    if (!content) return tl::make_unexpected(content.error());
    if (fstat(file.get(), &after) != 0) return fail_errno("look at the output", path);
    if (!unchanged(before, after)) {
      return fail(ErrorCode::kConflict, "the file changed while it was captured", path);
    }
    if (movable && !store_.has(*content)) {
      if (auto moved = move_in(file.get(), *content, path); !moved) return moved;
      remember(store_.memory(), *content, static_cast<std::uint64_t>(before.st_size));
    }
    manifest.entries.push_back(
        {path, static_cast<std::uint64_t>(before.st_size), executable, *content});
    return {};
  }

  Result<void> check_file(int file, const struct stat& status, const std::string& path) {
    if (!S_ISREG(status.st_mode)) {
      return fail(ErrorCode::kConflict, "the file was replaced while it was captured", path);
    }
    bytes_ += static_cast<std::uint64_t>(status.st_size);
    if (bytes_ > rules_.bytes_max) {
      return fail(ErrorCode::kLimit,
                  "the files are larger than " + format_bytes(rules_.bytes_max) + " together",
                  path);
    }
    // A sealed one is in a store already: captured before a crash, or an input.
    if (status.st_nlink > 1 && !is_sealed(status) && !is_ours(status)) {
      return fail(ErrorCode::kInvalid, "the file has another name outside of the output", path,
                  "let the tool copy it instead of linking it");
    }
    if (is_written_to(file)) {
      return fail(ErrorCode::kConflict,
                  "a process that outlived the tool can still write to the file", path);
    }
    return {};
  }

  /// A file with several names: all of them are in the output, or one is where the tool may link
  /// from. Counted when there is the first such file.
  bool is_ours(const struct stat& status) {
    if (!own_) {
      own_.emplace();
      own_->count(top_, 1);
      given_.emplace();
      for (const auto& folder : rules_.linkable) {
        if (const auto opened = open_tool_folder(folder)) given_->count(opened->get(), 1);
      }
    }
    return own_->names(status) == status.st_nlink || given_->names(status) > 0;
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
    const std::filesystem::path target = store_.root() / "tmp" / name;
    const std::string source = "/proc/self/fd/" + std::to_string(file);
    if (linkat(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      // No hard links here after all, by mount or by policy.
      auto copied = copy(file, path);
      return copied ? Result<void>{} : tl::make_unexpected(copied.error());
    }
    if (auto sealed = seal(file, path); !sealed) {
      unlink(target.c_str());
      return sealed;
    }
    return install(store_.root(), name, content);
  }

  const ArtifactStore& store_;
  const CaptureRules& rules_;
  int top_;
  dev_t device_;
  std::uint64_t bytes_ = 0;
  std::optional<Links> own_;
  std::optional<Links> given_;
};

}  // namespace

Result<StoredArtifact> ArtifactStore::capture(const std::filesystem::path& folder,
                                              const CaptureRules& rules) const {
  auto opened = open_tool_folder(folder);
  if (!opened) return tl::make_unexpected(opened.error());
  struct stat status {};
  if (stat((root_ / "tmp").c_str(), &status) != 0) {
    return fail_errno("look at the store", root_.string());
  }
  const auto lock = StoreLock::to_use(root_);
  if (!lock) return tl::make_unexpected(lock.error());
  Capturer capturer(*this, opened->get(), rules, status.st_dev);
  if (auto walked = capturer.walk(opened->get(), "", 1); !walked) {
    return tl::make_unexpected(walked.error());
  }
  if (capturer.manifest.entries.empty()) return StoredArtifact{};
  auto text = manifest_text(capturer.manifest);
  if (!text) return tl::make_unexpected(text.error());
  // Last: an artifact whose list is here is here as a whole.
  auto artifact = add_blob(*text);
  if (!artifact) return tl::make_unexpected(artifact.error());
  mark_used(*artifact);
  return StoredArtifact{*artifact, capturer.manifest.bytes(), capturer.manifest.entries.size()};
}

}  // namespace landseer::worker
