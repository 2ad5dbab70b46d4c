#include "worker/io/artifact_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <system_error>
#include <unordered_set>

#include "common/net/clock.h"
#include "worker/io/sealed_object.h"

namespace landseer::worker {
namespace {

constexpr std::int64_t kLeftoverAgeS = 24 * 3600;

tl::unexpected<Error> not_here(const Digest& blob) {
  return fail(ErrorCode::kNotFound, "the store has no intact blob " + blob.hex());
}

Result<void> make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(ErrorCode::kIo, "cannot create the folder: " + error.message(), path);
  return {};
}

/// Those of a writer that died. Others may be at work in the same root, hence the age.
Result<void> remove_leftovers(const std::filesystem::path& folder) {
  auto opened = open_folder(folder);
  if (!opened) return tl::make_unexpected(opened.error());
  auto names = list_folder(opened->get());
  if (!names) return tl::make_unexpected(names.error());
  const std::int64_t now_s = net::now().wall.unix_ms / 1000;
  for (const std::string& name : *names) {
    struct stat status {};
    if (fstatat(opened->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    // The change time: sealing sets the other one.
    if (now_s - status.st_ctim.tv_sec > kLeftoverAgeS) unlinkat(opened->get(), name.c_str(), 0);
  }
  return {};
}

/// Makes the folders of an artifact's paths below one root, each opened once in path order.
class FolderTree {
 public:
  FolderTree(int root, bool writable) : root_(root), writable_(writable) {}

  /// The folder of `path`, made if need be.
  Result<int> folder_of(std::string_view path) {
    const std::size_t end = path.rfind('/');
    const std::string_view folder = end == std::string_view::npos ? "" : path.substr(0, end);
    if (folder.empty()) return root_;
    if (current_ && folder == name_) return current_.get();
    auto opened = make(folder);
    if (!opened) return tl::make_unexpected(opened.error());
    current_ = std::move(*opened);
    name_ = folder;
    return current_.get();
  }

 private:
  Result<UniqueFd> make(std::string_view folder) const {
    UniqueFd parent;
    while (!folder.empty()) {
      const std::string name(folder.substr(0, folder.find('/')));
      folder.remove_prefix(std::min(folder.size(), name.size() + 1));
      auto opened = make_subfolder(parent ? parent.get() : root_, name);
      if (!opened) return opened;
      // Tools may run as any user of their image.
      if (writable_ && fchmod(opened->get(), 0777) != 0) return fail_errno("open up", name);
      parent = std::move(*opened);
    }
    return parent;
  }

  int root_;
  bool writable_;
  UniqueFd current_;
  std::string name_;
};

}  // namespace

BlobWriter::BlobWriter(std::filesystem::path root, std::shared_ptr<StoreMemory> memory,
                       std::string name, UniqueFd file)
    : root_(std::move(root)),
      memory_(std::move(memory)),
      name_(std::move(name)),
      file_(std::move(file)),
      hasher_(std::make_unique<StreamHasher>()) {}

BlobWriter::~BlobWriter() {
  if (hasher_ != nullptr) unlink((root_ / "tmp" / name_).c_str());
}

Result<void> BlobWriter::append(std::string_view data) {
  hasher_->begin(data);
  bytes_ += data.size();
  auto written = write_all(file_.get(), data, (root_ / "tmp" / name_).string());
  hasher_->wait();
  return written;
}

Result<Digest> BlobWriter::finish(const Digest& expected) {
  const Digest digest = hasher_->finish();
  const std::string where = (root_ / "tmp" / name_).string();
  if (!expected.empty() && digest != expected) {
    return fail(ErrorCode::kInvalid,
                "the content has the digest " + digest.hex() + ", not " + expected.hex());
  }
  if (auto sealed = seal(file_.get(), where); !sealed) return tl::make_unexpected(sealed.error());
  if (auto installed = install(root_, name_, digest); !installed) {
    return tl::make_unexpected(installed.error());
  }
  hasher_.reset();
  remember(*memory_, digest, bytes_);
  return digest;
}

Result<ArtifactStore> ArtifactStore::open(const std::filesystem::path& root) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(root, error);
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // Written with a last slash.
  if (error) return fail(ErrorCode::kIo, "cannot find the folder: " + error.message(), root);
  if (auto made = make_folder(absolute.parent_path()); !made) {
    return tl::make_unexpected(made.error());
  }
  mkdir(absolute.c_str(), 0700);  // Results are nobody else's business, unless it is there already.
  for (int i = 0; i < 256; ++i) {
    const std::string name{kHex[i / 16], kHex[i % 16]};
    if (auto made = make_folder(absolute / "objects" / name); !made) {
      return tl::make_unexpected(made.error());
    }
  }
  for (const char* name : {"tmp", "used"}) {
    if (auto made = make_folder(absolute / name); !made) return tl::make_unexpected(made.error());
  }
  if (auto removed = remove_leftovers(absolute / "tmp"); !removed) {
    return tl::make_unexpected(removed.error());
  }
  return ArtifactStore(absolute);
}

bool ArtifactStore::has(const Digest& blob) const {
  struct stat status {};
  return lstat(object_path(root_, blob).c_str(), &status) == 0 && is_sealed(status);
}

Result<BlobPiece> ArtifactStore::read(const Digest& blob, std::uint64_t offset,
                                      std::size_t limit) const {
  auto opened = open_blob(blob);
  if (!opened) return tl::make_unexpected(opened.error());
  BlobPiece piece{opened->size, {}};
  if (offset >= piece.size) return piece;
  piece.data.resize(std::min<std::uint64_t>(limit, piece.size - offset));
  if (!read_at(opened->file.get(), offset, piece.data)) return not_here(blob);
  return piece;
}

Result<ArtifactStore::OpenBlob> ArtifactStore::open_blob(const Digest& blob) const {
  struct stat status {};
  UniqueFd file = open_sealed(root_, blob, status);
  if (!file) return not_here(blob);
  return OpenBlob{std::move(file), static_cast<std::uint64_t>(status.st_size)};
}

Result<BlobWriter> ArtifactStore::make_writer() const {
  std::string name = unique_name();
  const std::filesystem::path path = root_ / "tmp" / name;
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return fail_errno("create", path.string());
  return BlobWriter(root_, memory_, std::move(name), std::move(file));
}

Result<Digest> ArtifactStore::add_blob(std::string_view content) const {
  const Digest digest = sha256(content);
  if (has(digest)) return digest;
  auto writer = make_writer();
  if (!writer) return tl::make_unexpected(writer.error());
  if (auto written = writer->append(content); !written) {
    return tl::make_unexpected(written.error());
  }
  return writer->finish(digest);
}

Result<Manifest> ArtifactStore::manifest(const Digest& artifact) const {
  auto text = read(artifact, 0, kManifestBytesMax + 1);
  if (!text) return tl::make_unexpected(text.error());
  auto manifest = parse_manifest(text->data);
  if (!manifest) manifest.error().where = artifact.hex();
  return manifest;
}

std::vector<ManifestEntry> ArtifactStore::missing(const Manifest& manifest) const {
  std::vector<ManifestEntry> absent;
  std::unordered_set<Digest> seen;
  for (const ManifestEntry& entry : manifest.entries) {
    if (!seen.insert(entry.content).second) continue;
    struct stat status {};
    const bool intact = lstat(object_path(root_, entry.content).c_str(), &status) == 0 &&
                        is_sealed(status) &&
                        static_cast<std::uint64_t>(status.st_size) == entry.bytes;
    if (!intact) absent.push_back(entry);
  }
  return absent;
}

Result<void> ArtifactStore::place(const Digest& blob, bool executable, int folder,
                                  const std::string& name) const {
  struct stat status {};
  const UniqueFd file = open_sealed(root_, blob, status);
  if (!file) return tl::make_unexpected(not_here(blob).value());
  return share_file(file.get(), folder, name, executable ? Sharing::kCopy : Sharing::kLink,
                    executable ? 0555 : 0444);
}

Result<void> ArtifactStore::place_writable(const ManifestEntry& entry, int folder,
                                           const std::string& name) const {
  struct stat status {};
  const UniqueFd file = open_sealed(root_, entry.content, status);
  if (!file) return tl::make_unexpected(not_here(entry.content).value());
  return share_file(file.get(), folder, name, Sharing::kCopy, entry.executable ? 0777 : 0666);
}

Result<void> ArtifactStore::materialise(const Manifest& manifest,
                                        const std::filesystem::path& target, bool writable) const {
  auto root = open_folder(target);
  if (!root) return tl::make_unexpected(root.error());
  FolderTree folders(root->get(), writable);
  for (const ManifestEntry& entry : manifest.entries) {
    auto folder = folders.folder_of(entry.path);
    if (!folder) return tl::make_unexpected(folder.error());
    const std::string name = entry.path.substr(entry.path.rfind('/') + 1);
    auto placed = writable ? place_writable(entry, *folder, name)
                           : place(entry.content, entry.executable, *folder, name);
    if (!placed) {
      placed.error().where = entry.path;
      return placed;
    }
  }
  return {};
}

}  // namespace landseer::worker
