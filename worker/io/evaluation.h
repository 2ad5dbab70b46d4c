/// What an evaluator reports: `evaluation_results.json` in its output, an object with `success`,
/// `skipped`, `skip_reason` and `metrics`. Tools are sloppy, so this reader is lenient: whatever
/// the file says, the task is completed, and there is a reason where there are no numbers. Pure
/// but for read_evaluation; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace landseer::worker {

struct Evaluation {
  /// JSON object {name: finite number, boolean, short text or null}, keys sorted; empty if nothing
  /// was reported and nothing declared.
  std::string metrics;
  bool skipped = false;
  std::string reason;  ///< in words, with `skipped`
};

/// With `declared` metrics exactly these are kept, null for those not reported. Without `metrics`
/// in the file its other entries count as such. `success: false` and a file that cannot be used
/// count as skipped, with every declared metric null.
Evaluation parse_evaluation(std::string_view text, const std::vector<std::string>& declared);

/// Reads the file from an open output folder, under its name or one that evaluators used in the
/// past: evaluation_result.json, results.json, metrics.json. Empty if there is none.
std::optional<Evaluation> read_evaluation(int output, const std::vector<std::string>& declared);

/// Nothing was evaluated, for this reason.
Evaluation skipped_evaluation(std::string reason, const std::vector<std::string>& declared);

}  // namespace landseer::worker
