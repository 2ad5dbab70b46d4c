/// What an agent must know of an attempt to go on with it after a restart: kept beside the
/// attempt's folders from the moment its tool is started.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "common/base/result.h"
#include "worker/core/effects.h"

namespace landseer::worker {

struct StartedJob {
  AttemptJob job;
  std::vector<std::uint32_t> gpus;  ///< that its tool was given
};

/// Complete or not there; survives a crash of the agent, not of the machine: then the tool is gone.
Result<void> write_job_file(const std::filesystem::path& attempt_folder, const StartedJob& started);

/// kNotFound without a file, kInvalid if it is not one of ours.
Result<StartedJob> read_job_file(const std::filesystem::path& attempt_folder);

}  // namespace landseer::worker
