/// Bookkeeping of one pipeline while a VirtualCluster runs it: when workflows are complete, and
/// which results have to be kept. Knows nothing of the broker's core.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/domain/types.h"
#include "common/protocol/submission.h"

namespace landseer::forecast {

/// Where a task stands before the cluster starts.
struct TaskState {
  domain::TaskStatus status = domain::TaskStatus::kPending;
  std::uint32_t worker = 0;  ///< index in the cluster, if it is running
  std::int64_t ran_ms = 0;   ///< so far, if it is running
  std::uint64_t bytes = 0;   ///< of its artifact, if it is completed
};

/// What a cluster is to run. Everything that is pointed to must outlive it.
struct Job {
  const protocol::Submission* submission = nullptr;
  std::int64_t after_ms = 0;                       ///< when it is submitted
  const std::vector<TaskState>* so_far = nullptr;  ///< none: nothing has run
  /// How long a task runs on a device; for one that is running already, how long still.
  std::function<std::int64_t(std::uint32_t task, const std::string& device)> run_ms;
  const std::vector<std::uint64_t>* bytes = nullptr;  ///< what each will leave; none: not known
};

/// What became of one pipeline; times are milliseconds since it was submitted.
struct Outcome {
  double makespan_ms = 0;
  std::vector<double> workflows_ms;  ///< when each was complete, in that order
  double gpu_ms = 0;                 ///< time of attempts, by the GPUs they had
  double cpu_ms = 0;
  std::uint64_t peak_live = 0;       ///< results that a task which is not over depends on
  std::uint64_t peak_bytes = 0;      ///< of results that must be kept, see RunningPipeline
  std::vector<std::uint32_t> unrun;  ///< tasks that nobody could run
};

class RunningPipeline {
 public:
  RunningPipeline(const Job& job, std::uint64_t first_task, std::int64_t submitted_ms);

  const Job& job() const { return *job_; }
  std::uint64_t first_task() const { return first_task_; }
  const protocol::OptionsEntry& options_of(std::uint32_t task) const;

  void begin(std::uint32_t task, std::int64_t for_ms);
  /// Returns by how much live() changed.
  std::int64_t end(std::uint32_t task, std::int64_t now_ms);
  /// It began, and is stopped so long before its end.
  void cut_short(std::uint32_t task, std::int64_t by_ms);
  /// Nobody wants what is not over. Returns by how much live() changed.
  std::int64_t give_up_rest();
  bool has_enough() const { return has_enough_; }
  std::int64_t live() const { return live_; }
  Outcome take_outcome();

 private:
  void restore();
  void complete(std::uint32_t task);
  void close(std::uint32_t task);
  void add_time(std::uint32_t task, double ms);
  void give_up(std::uint32_t task);
  void release_inputs(std::uint32_t task);
  std::uint64_t bytes_of(std::uint32_t task) const;

  const Job* job_;
  std::uint64_t first_task_;
  std::int64_t submitted_ms_;
  std::vector<std::uint8_t> is_over_;           // by task; not only if it was completed
  std::vector<std::uint8_t> is_kept_;           // by task: it was completed
  std::vector<std::uint32_t> dependents_;       // direct ones, by task
  std::vector<std::uint32_t> open_dependents_;  // of those, not over
  std::vector<std::uint32_t> open_below_;       // of those, not over or with such below them
  std::vector<std::uint32_t> open_tasks_;       // by workflow
  std::vector<std::vector<std::uint32_t>> workflows_of_;
  bool has_enough_ = false;
  std::int64_t live_ = 0;
  std::uint64_t kept_bytes_ = 0;
  Outcome outcome_;
};

}  // namespace landseer::forecast
