/// A pipeline's results: workflows and tasks joined into one row per combination and one row per
/// combination and task, with the metrics that evaluations reported. Complete or not. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/domain/types.h"
#include "common/protocol/client_rows.h"

namespace landseer::report {

inline constexpr std::array<domain::TaskType, 4> kStages{
    domain::TaskType::kPreTraining, domain::TaskType::kInTraining, domain::TaskType::kPostTraining,
    domain::TaskType::kDeployment};

struct ToolResult {
  std::string combination;
  std::string stage;
  std::string tool;
  std::string cache_key;               ///< the task key, in hex
  std::optional<double> duration_sec;  ///< 0 for cached work; empty before the end
  std::string status;
  std::string output_path;  ///< the artifact's digest, in hex; empty if none
};

struct StageTool {
  std::string name;
  bool is_baseline = false;
};

struct CombinationResult {
  WorkflowId workflow{};
  std::string combination;
  std::array<std::string, 4> stages;                  ///< tools in order, joined by " -> "
  std::array<std::vector<StageTool>, 4> stage_tools;  ///< the same
  /// Parallel to Results::metrics; JSON text of a number, a text or a boolean; empty: missing.
  std::vector<std::string> metrics;
  bool is_baseline = false;   ///< has no tool but baselines
  double total_duration = 0;  ///< of all its ended tasks, in seconds
  std::string status;         ///< success, failure, cancelled, pruned or running
};

struct Results {
  PipelineId pipeline{};
  std::string name;
  std::string dataset_name;
  std::string dataset_type;          ///< the dataset's variant
  std::vector<std::string> metrics;  ///< column names, sorted
  std::vector<CombinationResult> combinations;
  std::vector<ToolResult> tools;
  std::string state;  ///< of the pipeline
};

/// `14 of 24 workflows are complete, 3 pruned, 7 to come`.
std::string summary(const Results& results);

/// Metrics have the names their evaluators gave them; where two evaluators use one name, it is
/// `evaluator.name` for both. Metrics inside metrics are joined with dots.
Results join_results(const protocol::PipelineRow& pipeline,
                     const std::vector<protocol::WorkflowRow>& workflows,
                     const std::vector<protocol::TaskRow>& tasks);

nlohmann::ordered_json to_json(const Results& results, bool with_tools = true);

}  // namespace landseer::report
