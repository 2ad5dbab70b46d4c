#include "broker/core/artifact_table.h"

#include <algorithm>

#include "broker/core/settings.h"

namespace landseer::broker {

void ArtifactTable::add_producer(const Digest& artifact, TaskId task) {
  if (artifact.empty()) return;
  auto& producers = artifacts_[artifact].producers;
  const auto place = std::lower_bound(producers.begin(), producers.end(), task);
  if (place == producers.end() || *place != task) producers.insert(place, task);
}

void ArtifactTable::remove_producer(const Digest& artifact, TaskId task) {
  const auto found = artifacts_.find(artifact);
  if (found == artifacts_.end()) return;
  auto& producers = found->second.producers;
  const auto place = std::lower_bound(producers.begin(), producers.end(), task);
  if (place != producers.end() && *place == task) producers.erase(place);
  if (producers.empty()) artifacts_.erase(found);
}

void ArtifactTable::add_holder(const Digest& artifact, WorkerId worker) {
  const auto found = artifacts_.find(artifact);
  if (found == artifacts_.end()) return;
  auto& holders = found->second.holders;
  if (holders.size() >= kHoldersMax) return;
  if (std::find(holders.begin(), holders.end(), worker) == holders.end()) holders.push_back(worker);
}

void ArtifactTable::remove_holder(const Digest& artifact, WorkerId worker) {
  const auto found = artifacts_.find(artifact);
  if (found != artifacts_.end()) std::erase(found->second.holders, worker);
}

void ArtifactTable::remove_holders(const Digest& artifact) {
  const auto found = artifacts_.find(artifact);
  if (found != artifacts_.end()) found->second.holders.clear();
}

const ArtifactTable::Artifact* ArtifactTable::find(const Digest& artifact) const {
  const auto found = artifacts_.find(artifact);
  return found != artifacts_.end() ? &found->second : nullptr;
}

const std::vector<WorkerId>& ArtifactTable::holders(const Digest& artifact) const {
  static const std::vector<WorkerId> kNobody;
  const Artifact* found = find(artifact);
  return found != nullptr ? found->holders : kNobody;
}

}  // namespace landseer::broker
