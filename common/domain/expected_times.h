/// How long the tasks of one pipeline are expected to take, by tool. A tool that nobody has
/// measured takes as long as those of its stage do, or as all do, or, without any, one second.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/domain/pipeline.h"

namespace landseer::domain {

/// Not thread-safe. Tasks are named by their index in the pipeline.
class ExpectedTimes {
 public:
  /// Longer than any attempt may take; keeps sums far from overflow.
  static constexpr std::int64_t kLongestMs = std::int64_t{1} << 35;

  /// What is expected already counts for the tools it names; the rest of it is forgotten.
  void build(const Pipeline& pipeline);
  /// False: nothing changes by that.
  bool expect(const std::string& tool, std::int64_t expected_ms);

  /// 1 or more.
  std::int64_t of(std::uint32_t task) const { return tools_[tool_of_[task]].used_ms; }
  /// The tasks for which of() may say something else than before the last change.
  const std::vector<std::uint32_t>& affected();

 private:
  struct Tool {
    std::string name;
    std::optional<std::int64_t> known_ms;
    std::int64_t used_ms = 1;
    TaskType type = TaskType::kPreTraining;
    bool moved = false;
  };
  void settle();

  std::unordered_map<std::string, std::int64_t> known_;
  std::unordered_map<std::string, std::uint32_t> index_;
  std::vector<Tool> tools_;
  std::vector<std::uint32_t> tool_of_;
  std::vector<std::uint32_t> affected_;  // reused
};

}  // namespace landseer::domain
