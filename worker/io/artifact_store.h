/// The worker's artifacts: files named by the SHA-256 of their content, kept once however often
/// they occur. An artifact is a blob too: its list of files (manifest.h).
///
///     ROOT/objects/ab/<hex>   sealed: mode 0444 and one fixed time
///     ROOT/used/<hex>         one for each artifact; its time is when that was used last
///     ROOT/tmp/               what is being written; leftovers go after a day
///     ROOT/store_id           names the store, for those who share it
///
/// A sealed file is shared by hard link with every attempt that reads it. One whose time, mode or
/// size is not as sealed was tampered with: it counts as absent and is replaced by the next good
/// copy. Any thread, several processes, also on several hosts if their file system renames
/// atomically and knows flock: who lays out or captures excludes who removes (store_lock.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/artifact/manifest.h"
#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/net/cancel.h"
#include "worker/io/file_tools.h"
#include "worker/io/stream_hasher.h"

namespace landseer::worker {

struct StoredArtifact {
  Digest artifact;  ///< none if the folder held no file
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
};

/// What a capture may take, and how.
struct CaptureRules {
  /// Folders whose files may have a second name in the output: a tool may link what it was given.
  std::vector<std::filesystem::path> linkable;
  std::uint64_t bytes_max = kArtifactBytesMax;
  bool copy = false;  ///< leaves the folder's files as they are: somebody goes on with them
};

struct BlobPiece {
  std::uint64_t size = 0;  ///< of the whole blob
  std::string data;
};

/// What one process remembers of a store: copies of an ArtifactStore share it.
struct StoreMemory {
  std::atomic<std::uint64_t> bytes_added{0};  ///< since the process began
  std::mutex mutex;                           ///< guards what follows
  std::unordered_set<Digest> verified;        ///< whose content this process has hashed
};

/// A blob on its way into the store. Dropped without a trace unless `finish` says yes.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&&) = default;
  ~BlobWriter();

  Result<void> append(std::string_view data);
  /// Puts the blob into place, once. kInvalid if its digest is not `expected` (none: any).
  Result<Digest> finish(const Digest& expected = {});

 private:
  friend class ArtifactStore;
  BlobWriter(std::filesystem::path root, std::shared_ptr<StoreMemory> memory, std::string name,
             UniqueFd file);

  std::filesystem::path root_;
  std::shared_ptr<StoreMemory> memory_;
  std::string name_;
  UniqueFd file_;
  std::unique_ptr<StreamHasher> hasher_;
  std::uint64_t bytes_ = 0;
};

class ArtifactStore {
 public:
  /// Makes the folders if need be. The root should be on the file system of the attempts' folders:
  /// then nothing is copied.
  static Result<ArtifactStore> open(const std::filesystem::path& root);

  bool has(const Digest& blob) const;
  /// At most `limit` bytes from `offset`, fewer at the end; kNotFound without an intact file.
  Result<BlobPiece> read(const Digest& blob, std::uint64_t offset, std::size_t limit) const;
  /// The whole of a blob, to be read by the caller; kNotFound without an intact file.
  struct OpenBlob {
    UniqueFd file;
    std::uint64_t size = 0;
  };
  Result<OpenBlob> open_blob(const Digest& blob) const;
  Result<BlobWriter> make_writer() const;
  Result<Digest> add_blob(std::string_view content) const;

  /// Turns the files of `folder` into an artifact. To be called when nobody writes there any more:
  /// files are moved in by hard link where possible, and sealed. Refused, with the path in the
  /// error: links, devices, pipes and sockets; a file with a name elsewhere, one that somebody can
  /// still write to, one that changes meanwhile. kIo: the machine's trouble, not the folder's.
  Result<StoredArtifact> capture(const std::filesystem::path& folder,
                                 const CaptureRules& rules = {}) const;

  /// The list of an artifact's files, which may be here before the files are. kNotFound without
  /// it, kInvalid if the blob is not a list.
  Result<Manifest> manifest(const Digest& artifact) const;
  /// Contents named there that are not in the store, each once.
  std::vector<ManifestEntry> missing(const Manifest& manifest) const;
  /// Hashes what this process has not seen the content of yet, and removes what is damaged. False:
  /// some was.
  bool verify(const Manifest& manifest, const Cancel& cancel) const;
  /// An artifact's list is here, and somebody wants it: the time decides what may go first.
  void mark_used(const Digest& artifact) const;

  /// Makes one blob appear as `name` in an open folder. An executable is a copy, as its mode is
  /// its own.
  Result<void> place(const Digest& blob, bool executable, int folder,
                     const std::string& name) const;
  /// Makes the files of an artifact appear in `target`, where none of them may exist yet;
  /// `writable` ones are copies, open to all.
  Result<void> materialise(const Manifest& manifest, const std::filesystem::path& target,
                           bool writable = false) const;

  const std::filesystem::path& root() const { return root_; }
  StoreMemory& memory() const { return *memory_; }
  /// Made with the store, the same for all who use it: 32 hex digits.
  Result<std::string> id() const;

 private:
  explicit ArtifactStore(std::filesystem::path root)
      : root_(std::move(root)), memory_(std::make_shared<StoreMemory>()) {}
  bool verify(const Digest& blob) const;
  Result<void> place_writable(const ManifestEntry& entry, int folder,
                              const std::string& name) const;

  std::filesystem::path root_;
  std::shared_ptr<StoreMemory> memory_;
};

}  // namespace landseer::worker
