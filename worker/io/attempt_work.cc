#include "worker/io/attempt_work.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/text.h"
#include "common/domain/types.h"
#include "common/net/clock.h"
#include "common/protocol/limits.h"
#include "worker/io/evaluation.h"
#include "worker/io/file_tools.h"
#include "worker/io/input_folder.h"
#include "worker/io/job_file.h"

namespace landseer::worker {
namespace {

using protocol::Outcome;

PrepareFailed prepare_failed(const AttemptKey& key, const Error& error) {
  return {key, Outcome::kRuntimeError, reason_text(error.to_string()), {}, false};
}

/// As the caller knows that it would be if it is about the task.
PrepareFailed task_failed(const AttemptKey& key, const Error& error) {
  PrepareFailed failed = prepare_failed(key, error);
  failed.host_is_well = is_about_task(error);
  return failed;
}

CaptureFailed capture_failed(const AttemptKey& key, const Error& error) {
  const bool is_hosts = error.code == ErrorCode::kIo;
  return {key, reason_text(error.to_string()),
          is_hosts ? Outcome::kRuntimeError : Outcome::kExitCode};
}

/// Trouble with what the sources sent is the artifact's; trouble with our disk is ours.
PrepareFailed input_failed(const AttemptKey& key, const Digest& artifact, const Error& error) {
  const bool artifact_is_bad = error.code == ErrorCode::kNotFound ||
                               error.code == ErrorCode::kInvalid || error.code == ErrorCode::kLimit;
  if (!artifact_is_bad) return prepare_failed(key, error);
  return {key, Outcome::kInputMissing, reason_text(error.to_string()), artifact, false};
}

struct UsedDataset {
  std::filesystem::path path;  ///< empty: none is used
  Digest content;              ///< none: not known
};

/// The task's data set, if it is here and what the pipeline began with.
Result<UsedDataset> dataset_of(const AttemptTools& tools, const protocol::WorkSpec& spec) {
  if (spec.dataset_name.empty()) return UsedDataset{};
  std::string label = spec.dataset_name;
  if (!spec.dataset_variant.empty()) label += ":" + spec.dataset_variant;
  const DatasetFolder* dataset =
      find_dataset(tools.datasets, spec.dataset_name, spec.dataset_variant);
  if (dataset == nullptr) {
    return fail(ErrorCode::kNotFound, "this worker does not have the dataset " + label, {},
                "start it with --data " + label + "=PATH");
  }
  UsedDataset used{dataset->path, {}};
  if (tools.book != nullptr) {
    auto content = tools.book->check(*dataset);
    if (!content) return tl::make_unexpected(content.error());
    used.content = *content;
  }
  if (spec.dataset_content.empty() || used.content == spec.dataset_content) return used;
  if (used.content.empty()) {
    return fail(ErrorCode::kConflict,
                "the dataset " + label + " changed since it was offered, and is being read anew",
                dataset->path.string());
  }
  return fail(ErrorCode::kConflict,
              "the dataset " + label + " has the content " + used.content.hex().substr(0, 12) +
                  " here, and the pipeline uses " + spec.dataset_content.hex().substr(0, 12),
              dataset->path.string(), "give all workers the same files");
}

/// What the task's image contains; it is here then.
Result<Digest> image_of(const AttemptTools& tools, const protocol::WorkSpec& spec,
                        const Cancel& cancel) {
  Runtime* const runtime = tools.runtimes ? tools.runtimes->find(spec.runtime) : nullptr;
  if (runtime != nullptr) return runtime->obtain_image(spec.image, spec.image_content, cancel);
  return fail(ErrorCode::kNotFound, "this worker does not run tools with " + spec.runtime);
}

/// Fetches what is not here, and again what is damaged.
Result<Manifest> obtain(const AttemptTools& tools, BlobFetcher& fetcher,
                        const protocol::InputArtifact& input, const Cancel& cancel,
                        Prepared& prepared, Instant deadline = {}) {
  std::uint64_t bytes = 0;
  for (bool again = false;; again = true) {
    const auto fetched =
        fetcher.fetch_artifact(input.artifact, input.sources, cancel, deadline, input.passes);
    if (!fetched) return tl::make_unexpected(fetched.error());
    bytes += *fetched;
    auto manifest = tools.store.manifest(input.artifact);
    if (manifest && !again && !tools.store.verify(*manifest, cancel)) continue;
    prepared.bytes_fetched += bytes;
    if (bytes > 0) prepared.fetched.push_back(input.artifact);
    return manifest;
  }
}

bool is_empty_folder(const std::filesystem::path& path) {
  const auto folder = open_tool_folder(path);
  const auto names = folder ? list_folder(folder->get())
                            : Result<std::vector<std::string>>(tl::make_unexpected(folder.error()));
  return names && names->empty();
}

/// What an earlier attempt left on another host, unless this host has something of its own.
void restore_checkpoint(const AttemptTools& tools, BlobFetcher& fetcher, const AttemptJob& job,
                        const std::filesystem::path& folder, const Cancel& cancel,
                        Prepared& prepared) {
  if (job.checkpoint.artifact.empty() || !is_empty_folder(folder)) return;
  const Instant deadline = net::now().instant + tools.checkpoint_wait;
  auto manifest = obtain(tools, fetcher, job.checkpoint, cancel, prepared, deadline);
  Result<void> restored;
  if (!manifest) {
    restored = tl::make_unexpected(manifest.error());
  } else if (restored = tools.store.materialise(*manifest, folder, true); !restored) {
    (void)empty_tree(folder);
  }
  if (restored) return;
  spdlog::warn("{}, attempt {} begins anew: its checkpoint cannot be had: {}",
               to_string(job.key.task), job.key.attempt, restored.error().to_string());
}

Result<void> fetch_model_script(BlobFetcher& fetcher, const Digest& script,
                                const std::string& bulk_address, const Cancel& cancel) {
  if (script.empty()) return {};
  const std::array<std::string, 1> sources{bulk_address};
  auto fetched = fetcher.fetch(script, protocol::kAttachmentBytesMax,
                               std::span(sources).first(bulk_address.empty() ? 0 : 1), cancel);
  if (!fetched) fetched.error().where = kModelScriptName;
  return fetched;
}

InputParts make_parts(const AttemptJob& job, std::filesystem::path dataset) {
  InputParts parts;
  for (const std::string& root : job.spec.artifact_roots) {
    // A relative one belongs to the dataset; an absolute one stays what it is.
    parts.roots.push_back((dataset / root).string());
  }
  parts.dataset = std::move(dataset);
  parts.model_script = job.spec.model_script;
  parts.config = job.config;
  parts.required = job.spec.required_artifacts;
  return parts;
}

bool is_evaluation(const protocol::WorkSpec& spec) {
  return spec.type == static_cast<std::uint8_t>(domain::TaskType::kEvaluation);
}

/// Any tool may report; only an evaluator is missed when it does not.
Result<Evaluation> evaluate(const std::filesystem::path& output, const protocol::WorkSpec& spec) {
  auto folder = open_tool_folder(output);
  if (!folder) return tl::make_unexpected(folder.error());
  if (!is_evaluation(spec) && spec.metrics.empty()) return Evaluation{};
  auto evaluation = read_evaluation(folder->get(), spec.metrics);
  if (evaluation) return std::move(*evaluation);
  if (!is_evaluation(spec)) return Evaluation{};
  return skipped_evaluation("the tool wrote no evaluation_results.json", spec.metrics);
}

}  // namespace

ToolUser AttemptTools::user_of(const protocol::WorkSpec& spec) const {
  const Runtime* const runtime = runtimes ? runtimes->find(spec.runtime) : nullptr;
  return runtime != nullptr && runtime->runs_as_us() ? ToolUser::kOurs : ToolUser::kAny;
}

std::variant<Prepared, PrepareFailed> prepare_attempt(const AttemptTools& tools,
                                                      BlobFetcher& fetcher, const AttemptJob& job,
                                                      const std::string& bulk_address,
                                                      const Cancel& cancel) {
  auto dataset = dataset_of(tools, job.spec);
  if (!dataset) return task_failed(job.key, dataset.error());
  InputParts parts = make_parts(job, std::move(dataset->path));
  Prepared prepared;
  prepared.key = job.key;
  prepared.dataset_content = dataset->content;
  auto image = image_of(tools, job.spec, cancel);
  if (!image) return task_failed(job.key, image.error());
  prepared.image_content = *image;
  auto script = fetch_model_script(fetcher, job.spec.model_script, bulk_address, cancel);
  if (!script) return prepare_failed(job.key, script.error());
  for (const protocol::InputArtifact& input : job.inputs) {
    if (input.artifact.empty()) continue;  // This ancestor left nothing.
    auto manifest = obtain(tools, fetcher, input, cancel, prepared);
    if (!manifest) return input_failed(job.key, input.artifact, manifest.error());
    parts.artifacts.push_back(std::move(*manifest));
  }
  const auto paths = tools.folders.create(job, tools.user_of(job.spec));
  if (!paths) return prepare_failed(job.key, paths.error());
  auto missing = assemble_input(tools.store, parts, paths->input);
  if (!missing) return prepare_failed(job.key, missing.error());
  prepared.missing_required = std::move(*missing);
  restore_checkpoint(tools, fetcher, job, paths->checkpoint, cancel, prepared);
  // Here, where nobody waits: between the end of one tool and the start of the next everybody does.
  StartedJob started{job, {}};
  started.job.spec.image_content = prepared.image_content;
  if (auto written = write_job_file(paths->folder, started); !written) {
    return prepare_failed(job.key, written.error());
  }
  return prepared;
}

std::variant<Captured, CaptureFailed> capture_attempt(const AttemptTools& tools,
                                                      const AttemptJob& job) {
  const AttemptPaths paths = tools.folders.paths(job.key, job.pipeline);
  auto evaluation = evaluate(paths.output, job.spec);
  if (!evaluation) return capture_failed(job.key, evaluation.error());
  const CaptureRules rules{{paths.input, paths.checkpoint}};
  const auto stored = tools.store.capture(paths.output, rules);
  if (!stored) return capture_failed(job.key, stored.error());
  Captured captured;
  captured.key = job.key;
  captured.artifact = stored->artifact;
  captured.bytes = stored->bytes;
  captured.metrics = std::move(evaluation->metrics);
  captured.evaluation_skipped = evaluation->skipped;
  captured.skip_reason = reason_text(evaluation->reason);
  return captured;
}

CheckpointCaptured capture_checkpoint(const AttemptTools& tools, const AttemptJob& job) {
  const AttemptPaths paths = tools.folders.paths(job.key, job.pipeline);
  CheckpointCaptured captured{job.key, {}, 0};
  if (is_empty_folder(paths.checkpoint)) return captured;
  const CaptureRules rules{{paths.input, paths.output}, kCheckpointBytesMax, /*copy=*/true};
  const auto stored = tools.store.capture(paths.checkpoint, rules);
  if (!stored) {
    spdlog::warn("the checkpoint of {}, attempt {} stays on this host: {}", to_string(job.key.task),
                 job.key.attempt, stored.error().to_string());
    return captured;
  }
  captured.artifact = stored->artifact;
  captured.bytes = stored->bytes;
  return captured;
}

PrepareFailed cancelled_prepare(const AttemptKey& key) {
  return {key, Outcome::kCancelled, "cancelled while its inputs were fetched", {}, false};
}

std::string reason_text(const std::string& text) {
  std::string reason = text;
  if (!is_utf8(reason)) {
    // File names are bytes.
    std::replace_if(
        reason.begin(), reason.end(), [](char c) { return static_cast<unsigned char>(c) > 126; },
        '?');
  }
  reason = strip_control(reason, false);
  if (reason.size() <= protocol::kReasonBytesMax) return reason;
  std::size_t size = protocol::kReasonBytesMax - 3;
  while (size > 0 && (static_cast<unsigned char>(reason[size]) & 0xC0) == 0x80) --size;
  return reason.substr(0, size) + "...";
}

}  // namespace landseer::worker
