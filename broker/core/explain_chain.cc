/// Why a task waits for others, or was skipped because of them.
#include "broker/core/explain_parts.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;

constexpr std::size_t kDependenciesShown = 5;
/// Tasks looked at on the way up: a chain longer than any real one.
constexpr std::size_t kLooksMax = 10'000;

bool keeps(const domain::Task& task) { return task.status != TaskStatus::kCompleted; }

}  // namespace

/// Up to the first dependency that is not completed, and so on: one of those there may be.
Root find_root(const FoundTask& found) {
  Root root;
  std::size_t looks = 0;
  domain::TaskPtr at = found.task;
  while (at != nullptr) {
    domain::TaskPtr next = nullptr;
    for (const TaskId id : at->dependencies) {
      if (++looks > kLooksMax) {
        root.whole = false;
        return root;
      }
      const domain::TaskPtr above = found.record->scheduler->find_task(id);
      if (!keeps(*above)) continue;
      next = above;
      break;
    }
    if (next != nullptr) {
      root.task = next;
      ++root.steps;
    }
    at = std::move(next);
  }
  return root;
}

void name_dependencies(const FoundTask& found, protocol::Explanation& out) {
  std::size_t waiting = 0;
  std::size_t looks = 0;
  for (const TaskId id : found.task->dependencies) {
    if (++looks > kLooksMax) break;
    const domain::TaskPtr above = found.record->scheduler->find_task(id);
    if (!keeps(*above) || ++waiting > kDependenciesShown) continue;
    const std::string text =
        "its dependency " + task_text(*above) + " is " + std::string(to_string(above->status));
    name_condition(out, {"dependency", text, {}, 0, false}, text);
  }
  if (waiting > kDependenciesShown) {
    out.reasons.push_back("and " + std::to_string(waiting - kDependenciesShown) + " more");
  }
}

}  // namespace landseer::broker
