#include "broker/core/fingerprint.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

namespace landseer::broker {
namespace {

/// The finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
/// 2014): every bit of the input reaches every bit of the output.
constexpr std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15ull;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

/// Order matters: (1, 2) is another thing than (2, 1).
template <class... Numbers>
std::uint64_t combine(std::uint64_t seed, Numbers... numbers) {
  ((seed = mix(seed ^ static_cast<std::uint64_t>(numbers))), ...);
  return seed;
}

enum Part : std::uint64_t { kTaskPart = 1, kPipelinePart = 2, kWorkerPart = 3, kTimePart = 4 };

std::uint64_t combine(std::uint64_t seed, const Digest& digest) {
  std::array<std::uint64_t, 4> words{};
  std::memcpy(words.data(), digest.bytes.data(), sizeof words);
  for (const std::uint64_t word : words) seed = combine(seed, word);
  return seed;
}

std::uint64_t combine_text(std::uint64_t seed, std::string_view text) {
  seed = combine(seed, text.size());
  for (std::size_t at = 0; at < text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min<std::size_t>(text.size() - at, 8));
    seed = combine(seed, word);
  }
  return seed;
}

/// What runs got when results were first shared: older stores keep their fingerprints.
std::uint64_t combine_origins(std::uint64_t seed, const TaskRun& run) {
  for (const Digest* digest :
       {&run.inputs, &run.image_content, &run.dataset_content, &run.checkpoint}) {
    if (!digest->empty()) seed = combine(seed, *digest);
  }
  return number(run.cached_from) != 0 ? combine(seed, number(run.cached_from)) : seed;
}

std::uint64_t combine_run(std::uint64_t seed, const TaskRun& run) {
  seed = combine(seed, number(run.worker), run.failures, run.losses, run.runtime_errors,
                 run.returns, run.missing_inputs, run.reruns, run.failed_on.size(), run.backoff_ms,
                 run.cancel_requested, run.evaluation_skipped, run.kept, run.artifact_bytes,
                 run.metrics.size(), run.attempts.size());
  seed = combine_origins(combine(seed, run.artifact), run);
  if (run.attempts.empty()) return seed;
  const protocol::AttemptRow& last = run.attempts.back();
  return combine(seed, last.attempt, last.outcome, last.exit_code, last.assigned_at,
                 last.finished_at);
}

}  // namespace

std::uint64_t fingerprint(const domain::Task& task, domain::TaskStatus status, const TaskRun* run) {
  if (status == domain::TaskStatus::kPending && run == nullptr) return 0;
  const std::uint64_t seed =
      combine(kTaskPart, number(task.id), static_cast<std::uint64_t>(status),
              status == domain::TaskStatus::kPending ? 0 : task.reason.size(), task.cached);
  const std::uint64_t part = run != nullptr ? combine_run(seed, *run) : seed;
  // Stores of before there were rules keep their fingerprints.
  return task.pruned && status != domain::TaskStatus::kPending ? combine(part, 1) : part;
}

std::uint64_t fingerprint(const PipelineRecord& record) {
  std::uint64_t part =
      combine(kPipelinePart, number(record.id()), record.priority, record.submitted_at,
              record.first_started_at, record.finished_at, record.cancel_requested);
  // Stores of before there were these keep their fingerprints.
  if (record.paused) part = combine(part, 1);
  if (!record.owner.empty()) part = combine_text(part, record.owner);
  if (!record.dataset_content.empty()) part = combine(part, record.dataset_content);
  for (const auto& [image, content] : record.image_contents) {
    part = combine(combine(part, image.size()), content);
  }
  for (const Pruning& sum : record.stop.prunings) {
    if (sum == Pruning{}) continue;
    part = combine(part, sum.times, sum.tasks, sum.saved_ms, sum.gpu_ms, sum.unknown);
  }
  for (const std::uint32_t index : record.cancelled_workflows) part = combine(part, index);
  for (const std::string& tool : record.pauses.tools) part = combine_text(combine(part, 1), tool);
  for (const std::uint32_t index : record.pauses.workflows) part = combine(part, 2, index);
  for (const TaskId task : record.pauses.tasks) part = combine(part, 3, number(task));
  return part;
}

std::uint64_t fingerprint(const WorkerRecord& worker) {
  auto part = combine(kWorkerPart, number(worker.id), worker.completed, worker.failed);
  // Older stores keep their fingerprints.
  if (worker.drained) part = combine(part, 1, worker.recalled);
  return worker.key.empty() ? part : combine_text(part, worker.key);
}

std::uint64_t fingerprint(const std::string& tool, const std::string& device,
                          const ToolTime& time) {
  if (device.empty()) return 0;
  const std::uint64_t part = combine_text(combine_text(kTimePart, tool), device);
  return combine(part, std::bit_cast<std::uint64_t>(time.mean_ms), time.samples, time.expected_ms);
}

std::uint64_t fingerprint_of_tasks(const PipelineRecord& record) {
  std::uint64_t sum = 0;
  for (const domain::TaskPtr& task : record.pipeline->tasks) {
    sum += fingerprint(*task, task->status, record.find_run(task->id));
  }
  return sum;
}

}  // namespace landseer::broker
