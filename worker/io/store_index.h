/// Which artifacts are in a store, when each was used last, and which blobs belong to which: what
/// removing needs to know. Rebuilt from the disk by a scan: 100,000 files take half a second. For
/// one thread; others, in other processes too, may add and remove meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "worker/io/artifact_store.h"

namespace landseer::worker {

class StoreIndex {
 public:
  explicit StoreIndex(const ArtifactStore& store) : store_(store) {}

  /// Reads what is on the disk. An artifact that nobody marked as used counts as used when its list
  /// was written.
  Result<void> scan();

  /// Of all blobs, as of the scan, less what was removed since.
  std::uint64_t bytes() const { return bytes_; }
  std::size_t artifacts() const { return artifacts_.size(); }

  /// The artifacts that were not used for the longest time, but none in `except`, until their files
  /// have `bytes` together; at most `limit`.
  std::vector<Digest> oldest(std::uint64_t bytes, std::size_t limit,
                             const std::set<Digest>& except) const;

  /// Removes those that were not used since the scan, with the blobs that no other artifact names.
  Result<void> remove(std::span<const Digest> artifacts);

  /// Removes blobs that no artifact names and nobody linked or wrote for an hour: model scripts,
  /// and what transfers left that did not end.
  Result<void> remove_loose();

 private:
  struct Artifact {
    std::int64_t used_ns = 0;
    std::uint64_t bytes = 0;
    std::vector<Digest> blobs;  ///< each once
  };

  Result<void> read_used();
  bool add(const Digest& artifact, std::int64_t used_ns);
  void drop(std::map<Digest, Artifact>::iterator artifact);
  void remove_blob(const Digest& blob);
  bool is_loose(const Digest& blob) const;
  Result<std::vector<Digest>> blobs_in(const std::string& folder);

  ArtifactStore store_;
  std::map<Digest, Artifact> artifacts_;
  std::unordered_map<Digest, std::uint32_t> names_;  ///< artifacts that name a blob
  std::vector<Digest> loose_;                        ///< as of the scan
  std::uint64_t bytes_ = 0;
};

}  // namespace landseer::worker
