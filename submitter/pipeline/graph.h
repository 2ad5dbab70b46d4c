/// The expanded pipeline as bare numbers: what count() and expand() have in common.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "submitter/pipeline/expansion.h"
#include "submitter/pipeline/file.h"

namespace landseer::pipeline {

/// Uses that are equal work have one number. Texts are compared here once per use in the file, so
/// that expansion compares numbers only.
class UnitTable {
 public:
  struct Unit {
    const ToolUse* use;
    domain::TaskType type;
  };

  /// `use` must outlive the table; the first of equal uses is kept.
  std::uint32_t add(const ToolUse& use, domain::TaskType type);
  const std::vector<Unit>& units() const { return units_; }
  bool is_evaluation(std::uint32_t unit) const {
    return units_[unit].type == domain::TaskType::kEvaluation;
  }

 private:
  std::vector<Unit> units_;
  std::unordered_map<std::string, std::uint32_t> index_;
};

/// One stage in numbers: units in listing order, and what each stands for.
struct StageUnits {
  std::vector<std::uint32_t> tools;  ///< not baselines; in `one-per-stage` all
  std::vector<std::uint32_t> baselines;
  bool permute = false;  ///< subsets in every order, not only single tools
};

struct FileUnits {
  UnitTable table;
  std::vector<StageUnits> stages;
  std::vector<std::vector<std::uint32_t>> native;  ///< per workflow and task
  std::vector<std::uint32_t> evaluators;
  bool distinct = true;  ///< no two entries of the stages are equal work
};

FileUnits number_units(const PipelineFile& file, Expansion expansion);

struct Graph {
  struct Task {
    std::uint32_t unit;
    std::vector<std::uint32_t> dependencies;  ///< earlier tasks
  };
  std::vector<Task> tasks;
  std::vector<std::vector<std::uint32_t>> workflows;  ///< tasks in order, evaluations last
};

/// Builds everything; the caller has made sure that it is not too much.
Graph build_graph(const PipelineFile& file, const FileUnits& units);

}  // namespace landseer::pipeline
