/// Which blobs belong to an artifact, so that leave to read the one gives nothing else away. Not
/// thread-safe; each who serves has its own.
#pragma once

#include <map>
#include <set>

#include "common/base/digest.h"
#include "worker/io/artifact_store.h"

namespace landseer::worker {

class ArtifactContents {
 public:
  explicit ArtifactContents(const ArtifactStore& store) : store_(store) {}

  /// The artifact's list of files, or one of the files. False for an artifact that is not here.
  bool has(const Digest& artifact, const Digest& blob);

 private:
  ArtifactStore store_;
  std::map<Digest, std::set<Digest>> known_;  // what an artifact's name stands for never changes
};

}  // namespace landseer::worker
