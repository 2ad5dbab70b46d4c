/// Which artifacts there are: who has them, and whose results they are. Only what a task of a known
/// pipeline left behind is in it, so peers cannot make it grow. The only owner of these facts.
#pragma once

#include <unordered_map>
#include <vector>

#include "common/base/digest.h"
#include "common/base/ids.h"

namespace landseer::broker {

class ArtifactTable {
 public:
  struct Artifact {
    std::vector<WorkerId> holders;  ///< at most kHoldersMax, in the order they got it
    std::vector<TaskId> producers;  ///< sorted: tasks whose result or checkpoint it is
  };

  /// A task's result or checkpoint.
  void add_producer(const Digest& artifact, TaskId task);
  /// The task's result is another now, or the task is forgotten.
  void remove_producer(const Digest& artifact, TaskId task);
  /// Nothing for artifacts that are nobody's result.
  void add_holder(const Digest& artifact, WorkerId worker);
  void remove_holder(const Digest& artifact, WorkerId worker);
  void remove_holders(const Digest& artifact);

  const Artifact* find(const Digest& artifact) const;
  /// Empty for an unknown one.
  const std::vector<WorkerId>& holders(const Digest& artifact) const;
  std::size_t size() const { return artifacts_.size(); }

 private:
  std::unordered_map<Digest, Artifact> artifacts_;
};

}  // namespace landseer::broker
