/// Prepares, captures and discards attempts in threads of its own, so that the worker's loop never
/// waits for a disk or a peer. All public functions are for the loop's thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/net/cancel.h"
#include "common/net/socket.h"
#include "worker/core/effects.h"
#include "worker/io/artifact_store.h"
#include "worker/io/attempt_folder.h"
#include "worker/io/attempt_work.h"
#include "worker/io/blob_fetcher.h"
#include "worker/io/dataset_folder.h"

namespace landseer::worker {

struct WorkbenchOptions {
  std::filesystem::path scratch;  ///< see attempt_folder.h
  std::vector<DatasetFolder> datasets;
  std::shared_ptr<const Runtimes> runtimes{};
  std::shared_ptr<DatasetBook> book{};  ///< see attempt_work.h
  FetchOptions fetch;
  LogLimits logs;
  /// One may wait for a peer or a registry while another hashes, and one is kept for those that
  /// hold a slot until they are captured.
  std::size_t threads = 8;
  std::size_t prepares_max = 4096;  ///< waiting; above, a Prepare fails at once
};

class Workbench {
 public:
  using Job = std::variant<Prepare, Capture, CaptureCheckpoint, Discard>;
  using Event = std::variant<Prepared, PrepareFailed, Captured, CaptureFailed, CheckpointCaptured>;

  static Result<std::unique_ptr<Workbench>> start(const net::Context& context,
                                                  const ArtifactStore& store,
                                                  WorkbenchOptions options);
  /// Calls off what is in progress and drops what waits.
  ~Workbench();
  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;

  /// Jobs of one attempt are done in the order given. Every job but Discard is answered by one
  /// event; a Discard calls off the attempt's Prepare.
  void submit(Job job);
  /// Takes over an attempt that was prepared before this process started.
  void adopt(const AttemptJob& job);
  /// Calls off a Prepare that waits or is in progress: its answer is a PrepareFailed with
  /// kCancelled, unless it was done first. Nothing for others.
  void abandon(const AttemptKey& key);
  /// Where the broker serves model scripts; from its Welcome.
  void set_bulk_address(std::string address);

  /// Readable while there are events.
  int fd() const { return event_fd_.get(); }
  std::vector<Event> take_events();

  /// From the submission of Prepare to the end of Discard; the folders exist once Prepared came.
  std::optional<AttemptPaths> folders(const AttemptKey& key) const;
  /// Attempts with a folder on disk, whoever made it: discard those that nobody knows.
  std::vector<AttemptKey> found() const { return tools_.folders.found(); }

 private:
  struct Attempt {
    std::shared_ptr<const AttemptJob> job;
    std::shared_ptr<Cancel> cancel;  ///< while its Prepare is in progress
    bool abandoned = false;
    bool captured = false;
  };

  Workbench(const net::Context& context, AttemptTools tools, WorkbenchOptions options);
  void work();
  std::optional<Job> next_job(std::unique_lock<std::mutex>& lock);
  void run(const Prepare& prepare, BlobFetcher& fetcher);
  void run(const Capture& capture, BlobFetcher& fetcher);
  void run(const CaptureCheckpoint& capture, BlobFetcher& fetcher);
  void run(const Discard& discard, BlobFetcher& fetcher);
  void abandon_locked(const AttemptKey& key);
  void post(Event event);
  void tell(std::unique_lock<std::mutex>& lock);
  void keep_logs_within_limits(const AttemptKey& ended);
  void remove_old_checkpoints_now_and_then();

  const net::Context& context_;
  const AttemptTools tools_;
  const WorkbenchOptions options_;
  const std::size_t threads_max_;
  const UniqueFd event_fd_;

  mutable std::mutex mutex_;  ///< guards everything below but the threads
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::size_t prepares_waiting_ = 0;
  std::size_t prepares_running_ = 0;
  std::set<AttemptKey> busy_;  ///< attempts with a job in progress
  std::map<AttemptKey, Attempt> attempts_;
  std::vector<Event> events_;
  bool untold_ = false;  ///< some of them are
  std::string bulk_address_;
  std::optional<LogTotals> logs_;  ///< none: to be counted
  Instant checkpoints_after_;      ///< they are not looked through before
  bool stopping_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace landseer::worker
