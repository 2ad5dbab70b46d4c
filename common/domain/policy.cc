#include "common/domain/policy.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/domain/finish_first.h"

namespace landseer::domain {
namespace {

/// A policy whose priorities depend on each task's own facts only and never change.
class StaticPolicy final : public Policy {
 public:
  using Formula = Priority (*)(const TaskFacts&);
  StaticPolicy(std::string_view name, Formula formula) : name_(name), formula_(formula) {}

  std::string_view name() const override { return name_; }
  std::vector<Priority> initial_priorities(const GraphView& graph) override {
    std::vector<Priority> priorities;
    priorities.reserve(graph.facts.size());
    for (const TaskFacts& facts : graph.facts) priorities.push_back(formula_(facts));
    return priorities;
  }

 private:
  std::string_view name_;
  Formula formula_;
};

constexpr std::int64_t kEvaluationBoost = 32;
constexpr std::int64_t kEvaluationCap = 108;

}  // namespace

Priority landseer_priority(const TaskFacts& facts) {
  const std::int64_t value =
      std::int64_t{facts.dependency_level} * 1000 - std::int64_t{facts.usage_counter};
  return {value, value};
}

Priority depth_priority(const TaskFacts& facts) {
  std::int64_t value = std::max<std::int64_t>(100 - 10 * std::int64_t{facts.depth}, 10) +
                       std::min<std::int64_t>(facts.usage_counter, 9);
  if (facts.type == TaskType::kEvaluation) {
    value = std::min(value + kEvaluationBoost, kEvaluationCap);
  }
  return {value, -value};
}

std::span<const std::string> policy_names() {
  static const std::vector<std::string> names{"landseer", "depth", "finish-first"};
  return names;
}

Result<std::unique_ptr<Policy>> make_policy(std::string_view name) {
  if (name == "landseer") return std::make_unique<StaticPolicy>("landseer", landseer_priority);
  if (name == "depth") return std::make_unique<StaticPolicy>("depth", depth_priority);
  if (name == "finish-first") return make_finish_first();
  const std::string nearest = nearest_word(name, policy_names());
  return fail(
      ErrorCode::kInvalid, "unknown policy '" + std::string(name) + "'", "policy",
      nearest.empty() ? "use landseer, depth or finish-first" : "did you mean '" + nearest + "'?");
}

}  // namespace landseer::domain
