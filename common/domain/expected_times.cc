#include "common/domain/expected_times.h"

#include <algorithm>

namespace landseer::domain {
namespace {

constexpr std::int64_t kUnknownMs = 1000;

struct Mean {
  std::int64_t sum = 0;
  std::int64_t count = 0;
  void add(std::int64_t value) { sum += value, ++count; }
};

}  // namespace

void ExpectedTimes::build(const Pipeline& pipeline) {
  tools_.clear();
  tool_of_.clear();
  tool_of_.reserve(pipeline.tasks.size());
  index_.clear();
  for (const TaskPtr& task : pipeline.tasks) {
    const auto [found, added] =
        index_.emplace(task->tool->name, static_cast<std::uint32_t>(tools_.size()));
    if (added) {
      Tool& tool = tools_.emplace_back();
      tool.name = task->tool->name;
      tool.type = task->type;
      const auto known = known_.find(tool.name);
      if (known != known_.end()) tool.known_ms = known->second;
    }
    tool_of_.push_back(found->second);
  }
  std::erase_if(known_, [&](const auto& known) { return !index_.contains(known.first); });
  settle();
}

bool ExpectedTimes::expect(const std::string& tool, std::int64_t expected_ms) {
  const std::int64_t bounded = std::clamp<std::int64_t>(expected_ms, 1, kLongestMs);
  const auto found = index_.find(tool);
  const bool is_built = !tool_of_.empty();
  if (is_built && found == index_.end()) return false;
  known_[tool] = bounded;
  if (!is_built || tools_[found->second].known_ms == bounded) return false;
  tools_[found->second].known_ms = bounded;
  settle();
  return true;
}

/// O(tools). The sums are of whole numbers: they do not depend on who was measured first.
void ExpectedTimes::settle() {
  std::array<Mean, 6> by_type;
  Mean all;
  for (const Tool& tool : tools_) {
    if (!tool.known_ms) continue;
    all.add(*tool.known_ms);
    by_type[static_cast<std::size_t>(tool.type)].add(*tool.known_ms);
  }
  for (Tool& tool : tools_) {
    const Mean& alike = by_type[static_cast<std::size_t>(tool.type)];
    const Mean& like = alike.count > 0 ? alike : all;
    const std::int64_t guess = like.count > 0 ? like.sum / like.count : kUnknownMs;
    const std::int64_t used = tool.known_ms.value_or(guess);
    tool.moved = used != tool.used_ms;
    tool.used_ms = used;
  }
}

const std::vector<std::uint32_t>& ExpectedTimes::affected() {
  affected_.clear();
  for (std::uint32_t i = 0; i < tool_of_.size(); ++i) {
    if (tools_[tool_of_[i]].moved) affected_.push_back(i);
  }
  return affected_;
}

}  // namespace landseer::domain
