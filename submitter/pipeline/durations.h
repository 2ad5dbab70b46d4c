/// How long tools take and how much they leave, as a person says it: the file of `--durations`.
/// Normative text: docs/cli.md, "Forecasts". Blocking reads; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "submitter/pipeline/registry.h"

namespace landseer::pipeline {

struct ToolDuration {
  std::string tool;
  std::string device;  ///< empty: any
  Duration time{};
  double spread = 0;  ///< standard deviation of single tasks, of the time
  std::optional<std::uint64_t> output_bytes;
};

/// Errors name the place and the mending; kNotFound or kIo when the file cannot be read.
Result<Loaded<std::vector<ToolDuration>>> load_durations(const std::string& path);

}  // namespace landseer::pipeline
