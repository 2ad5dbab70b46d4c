/// Policies: the order in which ready tasks of one pipeline run. A policy is pure, knows no clock
/// and no worker, and its name is stored with the pipeline.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/domain/types.h"

namespace landseer::domain {

/// What a policy may know of a task. Index = insertion order in the pipeline.
struct TaskFacts {
  std::uint32_t dependency_level = 0;  ///< number of direct dependencies
  std::uint32_t usage_counter = 0;     ///< distinct workflows that contain it
  std::uint32_t depth = 0;             ///< longest path to a task without dependencies
  TaskType type = TaskType::kPreTraining;
};

/// `shown` is the number users see; `rank` decides, lower first. Equal ranks run in insertion
/// order.
struct Priority {
  std::int64_t shown = 0;
  std::int64_t rank = 0;
  bool operator==(const Priority&) const = default;
};

/// The shape of a pipeline for policies that look beyond one task. Both spans live as long as the
/// scheduler.
struct GraphView {
  std::span<const TaskFacts> facts;
  std::span<const std::vector<std::uint32_t>> dependents;
};

class Policy {
 public:
  virtual ~Policy() = default;
  virtual std::string_view name() const = 0;
  /// One priority per task, in insertion order; called once, when the pipeline is built.
  virtual std::vector<Priority> initial_priorities(const GraphView& graph) = 0;
  /// A task became terminal. Appends the tasks whose priority changed, at most those on the paths
  /// through it. Static policies append nothing.
  virtual void on_finished(std::uint32_t task, TaskStatus status,
                           std::vector<std::pair<std::uint32_t, Priority>>& changed) {
    static_cast<void>(task), static_cast<void>(status), static_cast<void>(changed);
  }
};

/// `dependency_level * 1000 - usage_counter`, lower first, no clamp: bit-exact with Landseer.
Priority landseer_priority(const TaskFacts& facts);

/// `max(100 - 10 * depth, 10) + min(usage_counter, 9)`, higher first; evaluations 32 more, at most
/// 108: Landseer's later formula.
Priority depth_priority(const TaskFacts& facts);

/// Names accepted by make_policy, the default first.
std::span<const std::string> policy_names();

/// Fails with kInvalid for an unknown name and says which is the nearest.
Result<std::unique_ptr<Policy>> make_policy(std::string_view name);

}  // namespace landseer::domain
