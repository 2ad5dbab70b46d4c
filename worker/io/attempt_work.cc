#include "worker/io/attempt_work.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/text.h"
#include "common/domain/types.h"
#include "common/protocol/limits.h"
#include "worker/io/evaluation.h"
#include "worker/io/file_tools.h"
#include "worker/io/input_folder.h"

namespace landseer::worker {
namespace {

using protocol::Outcome;

PrepareFailed prepare_failed(const AttemptKey& key, const Error& error) {
  return {key, Outcome::kRuntimeError, reason_text(error.to_string()), {}};
}

/// Trouble with what the sources sent is the artifact's; trouble with our disk is ours.
PrepareFailed input_failed(const AttemptKey& key, const Digest& artifact, const Error& error) {
  const bool artifact_is_bad = error.code == ErrorCode::kNotFound ||
                               error.code == ErrorCode::kInvalid || error.code == ErrorCode::kLimit;
  if (!artifact_is_bad) return prepare_failed(key, error);
  return {key, Outcome::kInputMissing, reason_text(error.to_string()), artifact};
}

Result<std::filesystem::path> dataset_of(const AttemptTools& tools,
                                         const protocol::WorkSpec& spec) {
  if (spec.dataset_name.empty()) return std::filesystem::path();
  const DatasetFolder* dataset =
      find_dataset(tools.datasets, spec.dataset_name, spec.dataset_variant);
  if (dataset != nullptr) return dataset->path;
  std::string label = spec.dataset_name;
  if (!spec.dataset_variant.empty()) label += ":" + spec.dataset_variant;
  return fail(ErrorCode::kNotFound, "this worker does not have the dataset " + label, {},
              "start it with --data " + label + "=PATH");
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
  auto folder = open_folder(output);
  if (!folder) return tl::make_unexpected(folder.error());
  if (!is_evaluation(spec) && spec.metrics.empty()) return Evaluation{};
  auto evaluation = read_evaluation(folder->get(), spec.metrics);
  if (evaluation) return std::move(*evaluation);
  if (!is_evaluation(spec)) return Evaluation{};
  return skipped_evaluation("the tool wrote no evaluation_results.json", spec.metrics);
}

}  // namespace

std::variant<Prepared, PrepareFailed> prepare_attempt(const AttemptTools& tools,
                                                      BlobFetcher& fetcher, const AttemptJob& job,
                                                      const std::string& bulk_address,
                                                      const Cancel& cancel) {
  auto dataset = dataset_of(tools, job.spec);
  if (!dataset) return prepare_failed(job.key, dataset.error());
  InputParts parts = make_parts(job, std::move(*dataset));
  Prepared prepared;
  prepared.key = job.key;
  auto script = fetch_model_script(fetcher, job.spec.model_script, bulk_address, cancel);
  if (!script) return prepare_failed(job.key, script.error());
  for (const protocol::InputArtifact& input : job.inputs) {
    if (input.artifact.empty()) continue;  // This ancestor left nothing.
    const auto fetched = fetcher.fetch_artifact(input.artifact, input.sources, cancel);
    if (!fetched) return input_failed(job.key, input.artifact, fetched.error());
    if (*fetched) prepared.fetched.push_back(input.artifact);
    auto manifest = tools.store.manifest(input.artifact);
    if (!manifest) return input_failed(job.key, input.artifact, manifest.error());
    parts.artifacts.push_back(std::move(*manifest));
  }
  const auto paths = tools.folders.create(job);
  if (!paths) return prepare_failed(job.key, paths.error());
  auto missing = assemble_input(tools.store, parts, paths->input);
  if (!missing) return prepare_failed(job.key, missing.error());
  prepared.missing_required = std::move(*missing);
  return prepared;
}

std::variant<Captured, CaptureFailed> capture_attempt(const AttemptTools& tools,
                                                      const AttemptJob& job) {
  const AttemptPaths paths = tools.folders.paths(job.key, job.pipeline);
  auto evaluation = evaluate(paths.output, job.spec);
  if (!evaluation) return CaptureFailed{job.key, reason_text(evaluation.error().to_string())};
  const auto stored = tools.store.capture(paths.output);
  if (!stored) return CaptureFailed{job.key, reason_text(stored.error().to_string())};
  Captured captured;
  captured.key = job.key;
  captured.artifact = stored->artifact;
  captured.bytes = stored->bytes;
  captured.metrics = std::move(evaluation->metrics);
  captured.evaluation_skipped = evaluation->skipped;
  captured.skip_reason = reason_text(evaluation->reason);
  return captured;
}

PrepareFailed cancelled_prepare(const AttemptKey& key) {
  return {key, Outcome::kCancelled, "cancelled while its inputs were fetched", {}};
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
