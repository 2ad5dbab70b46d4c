#include "broker/core/fingerprint.h"

#include <cstring>

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

enum Part : std::uint64_t { kTaskPart = 1, kPipelinePart = 2, kWorkerPart = 3 };

std::uint64_t combine_run(std::uint64_t seed, const TaskRun& run) {
  std::array<std::uint64_t, 4> artifact{};
  std::memcpy(artifact.data(), run.artifact.bytes.data(), sizeof artifact);
  seed = combine(seed, number(run.worker), run.failures, run.losses, run.runtime_errors,
                 run.returns, run.missing_inputs, run.reruns, run.failed_on.size(), run.backoff_ms,
                 run.cancel_requested, run.evaluation_skipped, run.kept, run.artifact_bytes,
                 run.metrics.size(), run.attempts.size());
  for (const std::uint64_t word : artifact) seed = combine(seed, word);
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
  return run != nullptr ? combine_run(seed, *run) : seed;
}

std::uint64_t fingerprint(const PipelineRecord& record) {
  const std::uint64_t part =
      combine(kPipelinePart, number(record.id()), record.priority, record.submitted_at,
              record.first_started_at, record.finished_at, record.cancel_requested);
  // Stores of before there was a pause keep their fingerprints.
  return record.paused ? combine(part, 1) : part;
}

std::uint64_t fingerprint(const WorkerRecord& worker) {
  return combine(kWorkerPart, number(worker.id), worker.completed, worker.failed);
}

std::uint64_t fingerprint_of_tasks(const PipelineRecord& record) {
  std::uint64_t sum = 0;
  for (const domain::TaskPtr& task : record.pipeline->tasks) {
    sum += fingerprint(*task, task->status, record.find_run(task->id));
  }
  return sum;
}

}  // namespace landseer::broker
