/// How the tools listed in stages become workflows.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.h"

namespace landseer::pipeline {

enum class Expansion : std::uint8_t {
  /// Options of a stage: all permutations of all non-empty subsets of its non-baseline tools, the
  /// longest first, then each baseline; in `during_training` each tool alone, then the baseline.
  kPermutations,
  /// Options of a stage: each listed tool, baseline included.
  kOnePerStage,
};

std::string_view to_string(Expansion expansion);

/// `permutations` or `one-per-stage`; kInvalid names the nearest for anything else.
Result<Expansion> parse_expansion(std::string_view text);

}  // namespace landseer::pipeline
