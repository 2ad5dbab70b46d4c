#include "worker/io/artifact_contents.h"

namespace landseer::worker {
namespace {

/// Those that are read at the same time, and more.
constexpr std::size_t kKnownMax = 64;

}  // namespace

bool ArtifactContents::has(const Digest& artifact, const Digest& blob) {
  if (blob == artifact) return true;
  auto found = known_.find(artifact);
  if (found == known_.end()) {
    const auto manifest = store_.manifest(artifact);
    if (!manifest) return false;
    if (known_.size() >= kKnownMax) known_.clear();
    std::set<Digest> contents;
    for (const ManifestEntry& entry : manifest->entries) contents.insert(entry.content);
    found = known_.emplace(artifact, std::move(contents)).first;
  }
  return found->second.contains(blob);
}

}  // namespace landseer::worker
