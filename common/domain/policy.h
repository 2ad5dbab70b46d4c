/// Policies: the order in which ready tasks of one pipeline run. A policy is pure, knows no clock
/// and no worker, and its name is stored with the pipeline. Its priorities follow from the graph,
/// the statuses and the expected times alone, however it came to these: so a restart finds the
/// same.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/domain/adjacency.h"
#include "common/domain/pipeline.h"

namespace landseer::domain {

/// What a policy may know of a task. Index = insertion order in the pipeline.
struct TaskFacts {
  std::uint32_t dependency_level = 0;  ///< number of direct dependencies
  std::uint32_t usage_counter = 0;     ///< distinct workflows that contain it
  std::uint32_t depth = 0;             ///< longest path to a task without dependencies
  TaskType type = TaskType::kPreTraining;
};

/// `shown` is the number users see; `rank` decides, lower first. Equal ranks run in insertion
/// order. `path` is the expected time of the longest path from here on, for Policy::guard().
struct Priority {
  std::int64_t shown = 0;
  std::int64_t rank = 0;
  std::int64_t path = 0;
  bool operator==(const Priority&) const = default;
};

/// The shape of a pipeline for policies that look beyond one task. All of it lives as long as the
/// scheduler.
struct GraphView {
  std::span<const TaskFacts> facts;
  const Adjacency& dependents;
  const Pipeline& pipeline;  ///< tools, workflows, and the statuses as they are
};

class Policy {
 public:
  using Changes = std::vector<std::pair<std::uint32_t, Priority>>;

  virtual ~Policy() = default;
  virtual std::string_view name() const = 0;
  /// One priority per task, in insertion order; called when the pipeline is built and, for live
  /// policies, when all statuses may have changed.
  virtual std::vector<Priority> initial_priorities(const GraphView& graph) = 0;

  /// Whether priorities change while the pipeline runs. The rest is for policies that say yes;
  /// their ranks are 0 or more.
  virtual bool is_live() const { return false; }
  /// These tasks are over, or not any more; their statuses say which. Appends the tasks whose
  /// priority changed, at most those and the ones they depend on.
  virtual void on_changed(std::span<const std::uint32_t> tasks, Changes& changed) {
    static_cast<void>(tasks), static_cast<void>(changed);
  }
  /// How long tasks of a tool take. May be said before initial_priorities(), and again at any time.
  virtual void expect(const std::string& tool, Duration expected, Changes& changed) {
    static_cast<void>(tool), static_cast<void>(expected), static_cast<void>(changed);
  }
  /// Ready tasks with this path or a longer one go before all others, the longest first, while so
  /// many tasks run. Empty: none do.
  virtual std::optional<std::int64_t> guard(std::uint64_t running) const {
    static_cast<void>(running);
    return std::nullopt;
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
