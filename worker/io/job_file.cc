#include "worker/io/job_file.h"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/protocol/codec.h"
#include "worker/io/file_tools.h"

namespace landseer::worker {

/// First line: the GPUs, as a JSON list. The rest: the assignment, as it came from the broker.
Result<void> write_job_file(const std::filesystem::path& folder, const StartedJob& started) {
  protocol::Assign assign;
  assign.epoch = started.job.key.epoch;
  assign.specs = {started.job.spec};
  assign.attempts = {{started.job.key.task, started.job.key.attempt, started.job.pipeline, 0,
                      started.job.config, started.job.inputs, started.job.checkpoint}};
  const auto opened = open_folder(folder);
  if (!opened) return tl::make_unexpected(opened.error());
  const std::string content = nlohmann::json(started.gpus).dump() + "\n" +
                              protocol::encode(protocol::ToWorker(std::move(assign)));
  if (auto written = rewrite_file(opened->get(), kJobDraftName, content); !written) {
    written.error().where = (folder / kJobDraftName).string();
    return written;
  }
  if (renameat(opened->get(), kJobDraftName, opened->get(), kJobName) != 0) {
    return fail_errno("keep the job file", folder.string());
  }
  return {};
}

Result<StartedJob> read_job_file(const std::filesystem::path& folder) {
  std::ifstream file(folder / kJobName, std::ios::binary);
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
