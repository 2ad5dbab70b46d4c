#include "worker/io/job_file.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/protocol/codec.h"

namespace landseer::worker {
namespace {

/// First line: the GPUs, as a JSON list. The rest: the assignment, as it came from the broker.
std::filesystem::path path_in(const std::filesystem::path& folder) { return folder / "job"; }

}  // namespace

Result<void> write_job_file(const std::filesystem::path& folder, const StartedJob& started) {
  protocol::Assign assign;
  assign.epoch = started.job.key.epoch;
  assign.specs = {started.job.spec};
  assign.attempts = {{started.job.key.task, started.job.key.attempt, started.job.pipeline, 0,
                      started.job.config, started.job.inputs, started.job.checkpoint}};
  const std::filesystem::path draft = folder / "job.draft";
  {
    std::ofstream file(draft, std::ios::binary | std::ios::trunc);
    file << nlohmann::json(started.gpus).dump() << '\n'
         << protocol::encode(protocol::ToWorker(std::move(assign)));
    file.flush();
    if (!file) {
      return fail(ErrorCode::kIo, "cannot write the attempt's job file", draft.string(),
                  "is the disk full?");
    }
  }
  std::error_code error;
  std::filesystem::rename(draft, path_in(folder), error);
  if (error) return fail(ErrorCode::kIo, "cannot keep the job file: " + error.message(), draft);
  return {};
}

Result<StartedJob> read_job_file(const std::filesystem::path& folder) {
  std::ifstream file(path_in(folder), std::ios::binary);
  std::string gpus;
  if (!std::getline(file, gpus)) {
    return fail(ErrorCode::kNotFound, "the attempt has no job file", folder.string());
  }
  std::stringstream rest;
  rest << file.rdbuf();
  const auto decoded = protocol::decode_to_worker(rest.str());
  if (!decoded) return tl::make_unexpected(decoded.error());
  const auto* assign = std::get_if<protocol::Assign>(&decoded->message);
  const auto list = nlohmann::json::parse(gpus, nullptr, /*allow_exceptions=*/false);
  if (assign == nullptr || assign->specs.size() != 1 || assign->attempts.size() != 1 ||
      !list.is_array()) {
    return fail(ErrorCode::kInvalid, "not a job file", folder.string());
  }
  const protocol::Assignment& attempt = assign->attempts[0];
  StartedJob started{{{assign->epoch, attempt.task, attempt.attempt},
                      attempt.pipeline,
                      assign->specs[0],
                      attempt.config,
                      attempt.inputs,
                      attempt.checkpoint},
                     {}};
  for (const auto& index : list) {
    if (!index.is_number_unsigned()) {
      return fail(ErrorCode::kInvalid, "not a job file", folder.string());
    }
    started.gpus.push_back(index.get<std::uint32_t>());
  }
  return started;
}

}  // namespace landseer::worker
