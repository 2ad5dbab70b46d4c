/// Keeps the worker's disks from filling up: says when the host must get no work for want of space,
/// and which artifacts should go. Looks once a second, in a thread of its own. Public functions are
/// for the loop's thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "common/net/cancel.h"
#include "worker/core/effects.h"
#include "worker/io/artifact_store.h"
#include "worker/io/attempt_folder.h"
#include "worker/io/store_index.h"

namespace landseer::worker {

struct DiskLimits {
  std::uint64_t artifacts_max = 0;  ///< bytes in the store; above, the oldest go until nine tenths
  std::uint64_t disk_min = 0;       ///< bytes free on each disk; with less the worker is unfit
  Duration period = std::chrono::seconds(1);
  Duration answer_max = std::chrono::seconds(10);  ///< a broker that says nothing is asked again
  Duration rest = std::chrono::minutes(1);  ///< when the broker needs everything that is here
};

/// Bytes of the file system that `path` is on.
struct DiskSpace {
  std::uint64_t size = 0;
  std::uint64_t free = 0;  ///< for those who are not root
};
Result<DiskSpace> read_disk_space(const std::filesystem::path& path);

/// Why the worker must get no work, or empty. `was_unfit`: a tenth more must be free to be fit.
std::string disk_fitness(const std::vector<std::filesystem::path>& disks, std::uint64_t disk_min,
                         bool was_unfit);

class DiskKeeper {
 public:
  using Event = std::variant<FitnessChanged, StoreFull>;

  DiskKeeper(const ArtifactStore& store, AttemptFolders folders, std::filesystem::path scratch,
             DiskLimits limits);
  ~DiskKeeper();
  DiskKeeper(const DiskKeeper&) = delete;
  DiskKeeper& operator=(const DiskKeeper&) = delete;

  /// As it was when the keeper began: for Hello.
  const std::string& first_fitness() const { return first_fitness_; }
  /// As it is at this moment. Any thread.
  std::string fitness_now() const { return disk_fitness(disks_, limits_.disk_min, false); }
  /// The answer to StoreFull.
  void remove(const RemoveArtifacts& answer);

  /// Readable while there are events.
  int fd() const { return event_fd_.get(); }
  std::vector<Event> take_events();

 private:
  void work();
  void look();
  void watch_disks();
  void take_answers();
  /// Bytes to remove.
  std::uint64_t excess();
  void ask(std::uint64_t bytes);
  void post(Event event);

  const ArtifactStore store_;
  const AttemptFolders folders_;
  const std::vector<std::filesystem::path> disks_;
  const DiskLimits limits_;
  const UniqueFd event_fd_;
  std::string first_fitness_;
  Cancel stop_;

  std::mutex mutex_;  ///< guards these two
  std::vector<Event> events_;
  std::vector<RemoveArtifacts> answers_;

  // The thread's own.
  StoreIndex index_;
  bool unfit_ = false;
  bool scanned_ = false;
  std::uint64_t added_at_scan_ = 0;
  Instant scanned_at_{};
  std::set<Digest> needed_;  ///< by the broker's word
  Instant asked_at_{};       ///< zero: no answer is awaited
  Instant resting_until_{};

  std::thread thread_;
};

}  // namespace landseer::worker
