/// What an agent must know of an attempt to go on with it after a restart: kept beside the
/// attempt's folders from before its tool is started.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "common/base/result.h"
#include "worker/core/effects.h"

namespace landseer::worker {

/// Names in the attempt's folder. The draft may be there without being of any use.
inline constexpr const char* kJobName = "job";
inline constexpr const char* kJobDraftName = "job.draft";

struct StartedJob {
  AttemptJob job;
  std::vector<std::uint32_t> gpus;  ///< that its tool was given; none before that
};

/// Complete or not there; survives a crash of the agent, not of the machine: then the tool is gone.
Result<void> write_job_file(const std::filesystem::path& attempt_folder, const StartedJob& started);

/// kNotFound without a file, kInvalid if it is not one of ours.
Result<StartedJob> read_job_file(const std::filesystem::path& attempt_folder);

}  // namespace landseer::worker
