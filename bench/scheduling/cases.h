/// The cases that policies are compared in, and what is measured in each. Definitions:
/// docs/testing.md, "Scheduling quality".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/scheduling/workload.h"
#include "broker/forecast/virtual_cluster.h"

namespace landseer::bench {

/// Over the seeds.
struct Range {
  double median = 0;
  double low = 0;
  double high = 0;
};
Range range_of(std::vector<double> values);

/// One policy in one case. Ratios are to the same seed's value, if not said otherwise.
struct Measured {
  std::string policy;
  Range makespan;                  ///< ÷ the lower bound
  Range first_share;               ///< first complete workflow, of the makespan
  Range mean_completion;           ///< mean time to complete a workflow, ÷ that of `landseer`
  double ratio_of_means = 0;       ///< the same, of the means over all seeds
  Range peak_live;                 ///< results that are still needed
  std::vector<Range> finishes;     ///< of several pipelines: when each is complete, minutes
  std::vector<Range> vs_landseer;  ///< the same ÷ that of `landseer`
  std::vector<double> curve;       ///< medians: when the n-th workflow is complete ÷ lower bound
};

/// What the policies showed in a case, and what no order could beat: the mean completion on one GPU
/// that is as fast as all together, with all times known, ÷ that of `landseer`. Only for one
/// pipeline.
struct Comparison {
  std::vector<Measured> policies;
  std::optional<Range> least_completion;
};

struct Case {
  std::string name;
  std::uint32_t gpus = 4;
  bool known = true;  ///< the broker has seen every tool before
  Product product;
  std::vector<std::int64_t> after_minutes{0};  ///< when each pipeline is submitted
};

std::vector<Case> all_cases();

Comparison compare(const Case& chosen, std::uint64_t seeds);

}  // namespace landseer::bench
