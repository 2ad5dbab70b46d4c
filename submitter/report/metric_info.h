/// What a metric's name tells: which direction is better, and its unit. Evaluators report bare
/// numbers; without this, a lower attack success would be shown as a loss.
#pragma once

#include <optional>
#include <string_view>

namespace landseer::report {

struct MetricInfo {
  std::optional<bool> higher_is_better;  ///< empty: nobody knows
  std::string_view unit = "number";      ///< fraction, seconds, bytes or number
};

/// Goes by the words in the name, the most telling first; case does not matter.
MetricInfo metric_info(std::string_view name);

}  // namespace landseer::report
