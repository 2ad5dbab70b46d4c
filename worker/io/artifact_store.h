/// The worker's artifacts: files named by the SHA-256 of their content, kept once however often
/// they occur. An artifact is a blob too: its list of files (manifest.h).
///
///     ROOT/objects/ab/<hex>   sealed: mode 0444 and one fixed time
///     ROOT/tmp/               what is being written; leftovers go after a day
///
/// A sealed file is shared by hard link with every attempt that reads it. One whose time, mode or
/// size is not as sealed was tampered with: it counts as absent and is replaced by the next good
/// copy. The object keeps no state but its root: any thread, several processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "worker/io/file_tools.h"
#include "worker/io/manifest.h"

namespace landseer::worker {

struct StoredArtifact {
  Digest artifact;  ///< none if the folder held no file
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
};

struct BlobPiece {
  std::uint64_t size = 0;  ///< of the whole blob
  std::string data;
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
  BlobWriter(std::filesystem::path root, std::string name, UniqueFd file);

  std::filesystem::path root_;
  std::string name_;
  UniqueFd file_;
  std::unique_ptr<Hasher> hasher_;
};

class ArtifactStore {
 public:
  /// Makes the folders if need be. The root should be on the file system of the attempts' folders:
  /// then nothing is copied.
  static Result<ArtifactStore> open(const std::filesystem::path& root);

  bool has(const Digest& blob) const;
  /// At most `limit` bytes from `offset`, fewer at the end; kNotFound without an intact file.
  Result<BlobPiece> read(const Digest& blob, std::uint64_t offset, std::size_t limit) const;
  Result<BlobWriter> make_writer() const;
  Result<Digest> add_blob(std::string_view content) const;

  /// Turns the files of `folder` into an artifact. To be called when nobody writes there any more:
  /// files are moved in by hard link where possible, and sealed. Links, devices, pipes and sockets
  /// are refused, with the path in the error.
  Result<StoredArtifact> capture(const std::filesystem::path& folder) const;

  /// The list of an artifact's files, which may be here before the files are. kNotFound without
  /// it, kInvalid if the blob is not a list.
  Result<Manifest> manifest(const Digest& artifact) const;
  /// Contents named there that are not in the store, each once.
  std::vector<ManifestEntry> missing(const Manifest& manifest) const;

  /// Makes one blob appear as `name` in an open folder. An executable is a copy, as its mode is
  /// its own.
  Result<void> place(const Digest& blob, bool executable, int folder,
                     const std::string& name) const;
  /// Makes the files of an artifact appear in `target`, where none of them may exist yet.
  Result<void> materialise(const Manifest& manifest, const std::filesystem::path& target) const;

 private:
  explicit ArtifactStore(std::filesystem::path root) : root_(std::move(root)) {}

  std::filesystem::path root_;
};

}  // namespace landseer::worker
