/// Where an attempt lives on the worker's disk.
///
///     SCRATCH/attempts/EPOCH.TASK.ATTEMPT/{input,output}   until the attempt is acknowledged
///     SCRATCH/logs/task_7.1.log, task_7.1.log.index        until the logs are too many
///     SCRATCH/checkpoints/pipeline_3.task_7                until the task succeeded
///     SCRATCH/spare                                        of attempts that are over, as good as
///     new
///
/// Tools may run as any user of their image, so what they write to is open to all and lies in
/// folders that are closed to other users of the machine. Any thread, but one at a time for one
/// attempt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "worker/core/effects.h"

namespace landseer::worker {

/// All absolute.
struct AttemptPaths {
  std::filesystem::path folder;
  std::filesystem::path input;
  std::filesystem::path output;
  std::filesystem::path log;  ///< the file; whoever runs the attempt makes it
  std::filesystem::path checkpoint;
};

struct LogLimits {
  std::uint64_t bytes_max = std::uint64_t{1} << 30;
  std::size_t files_max = 10'000;
};

/// Of logs with their indexes.
struct LogTotals {
  std::uint64_t bytes = 0;
  std::size_t files = 0;
};

/// As whom a tool runs: see renewal.h.
enum class ToolUser { kAny, kOurs };

class AttemptFolders {
 public:
  static Result<AttemptFolders> open(const std::filesystem::path& scratch);

  AttemptPaths paths(const AttemptKey& key, PipelineId pipeline) const;

  /// Empty input and output folders, and the checkpoint folder as the last attempt of this very
  /// work left it: a task of the same number with other work gets an empty one.
  Result<AttemptPaths> create(const AttemptJob& job, ToolUser user = ToolUser::kAny) const;

  /// Removes the attempt's own folder, whatever the tool did to it. Of a tool of our own user it
  /// may be kept for the next one.
  Result<void> remove(const AttemptKey& key, ToolUser user = ToolUser::kAny) const;
  Result<void> remove_checkpoint(TaskId task, PipelineId pipeline,
                                 ToolUser user = ToolUser::kAny) const;
  /// Removes the checkpoints that no attempt with a folder here goes on with, and that none has
  /// gone on with for so long: of tasks that ended elsewhere, or that nobody wants any more.
  Result<void> remove_old_checkpoints(Duration age) const;

  /// Attempts that have a folder, for clean-up after a restart.
  std::vector<AttemptKey> found() const;

  /// Of one attempt; nothing if it has none.
  LogTotals log_totals(const AttemptKey& key) const;
  /// Removes the oldest logs until the rest is within the limits; not those `in_use`. Returns what
  /// is left. Looks at every log.
  Result<LogTotals> prune_logs(const std::set<std::filesystem::path>& in_use,
                               const LogLimits& limits) const;

 private:
  struct SpareFolders;

  explicit AttemptFolders(std::filesystem::path root);
  Result<void> make_checkpoint(const std::filesystem::path& folder, const std::string& identity,
                               ToolUser user) const;

  std::filesystem::path root_;
  std::shared_ptr<SpareFolders> spares_;
};

}  // namespace landseer::worker
