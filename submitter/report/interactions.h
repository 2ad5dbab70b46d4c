/// What adding one defence does to combinations that have another one: pairs of combinations that
/// differ in nothing else are compared, by one metric. Pure. docs/cli.md, "Interactions".
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "submitter/report/result_rows.h"

namespace landseer::report {

/// Relative changes below the first are none, from the second on severe: Landseer's own thresholds.
inline constexpr double kModerateAbove = 0.02;
inline constexpr double kSevereAbove = 0.05;

struct InteractionTool {
  domain::TaskType type{};
  std::string tool;
  auto operator<=>(const InteractionTool&) const = default;
};

struct InteractionCell {
  std::size_t row = 0;         ///< index into tools: in both combinations of each pair
  std::size_t column = 0;      ///< index into tools: the one that is added
  std::uint64_t n = 0;         ///< pairs
  double change = 0;           ///< mean, in the metric's own unit
  double relative_change = 0;  ///< mean, of the value without the column's tool
  std::string severity;        ///< none, moderate, severe
  std::string sign;            ///< positive, negative, mixed, none: what is better is positive
};

struct Interactions {
  PipelineId pipeline{};
  std::string metric;                    ///< empty: no metric has numbers
  std::vector<std::string> metrics;      ///< those with numbers
  std::optional<bool> higher_is_better;  ///< taken as true when nobody knows
  std::vector<InteractionTool> tools;    ///< no baselines; in order of stage and name
  std::vector<InteractionCell> cells;    ///< those with pairs, by row and column
};

/// Without a metric: the first whose direction is known, else the first. kInvalid for a metric that
/// has no numbers.
Result<Interactions> find_interactions(const Results& results, const std::string& metric);

nlohmann::ordered_json to_json(const Interactions& interactions);

}  // namespace landseer::report
