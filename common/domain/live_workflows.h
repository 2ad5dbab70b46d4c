/// How much of the workflows each task finishes. A workflow is finished by its last tasks, those
/// that no other of its tasks depends on, each for its part; it counts for nothing once one of its
/// tasks failed, was skipped or was cancelled.
#pragma once

#include <cstdint>
#include <vector>

#include "common/domain/adjacency.h"
#include "common/domain/pipeline.h"

namespace landseer::domain {

/// Not thread-safe. Tasks are named by their index in the pipeline.
class LiveWorkflows {
 public:
  /// A whole workflow. Its last tasks share it in equal parts, rounded down, but not below 1.
  static constexpr std::int64_t kWhole = 1 << 16;

  /// Every workflow counts: nothing is lost yet. `pipeline` must outlive this.
  void build(const Pipeline& pipeline, const Adjacency& dependencies);

  std::int64_t weight(std::uint32_t task) const { return weights_[task]; }

  /// The task can no longer complete, or can again. Appends the tasks whose weight changed.
  void set_lost(std::uint32_t task, bool lost, std::vector<std::uint32_t>& changed);

 private:
  std::uint32_t workflow_index(WorkflowId id) const;
  void find_last_tasks(const Adjacency& dependencies);

  const Pipeline* pipeline_ = nullptr;
  std::vector<std::uint32_t> by_id_;   // places in the pipeline's list, in the order of the ids
  Adjacency last_tasks_;               // by workflow
  std::vector<std::uint32_t> lost_;    // tasks of each workflow
  std::vector<std::int64_t> weights_;  // by task
};

}  // namespace landseer::domain
