/// The worker's loop: waits for the broker, the executor, the workbench and signals, tells the core
/// what happened, and does what the core wants. One thread, besides those of the workbench, the
/// blob server and the stream server.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "common/net/signals.h"
#include "common/net/socket.h"
#include "worker/core/agent.h"
#include "worker/io/artifact_store.h"
#include "worker/io/attempt_folder.h"
#include "worker/io/blob_server.h"
#include "worker/io/dataset_book.h"
#include "worker/io/disk_keeper.h"
#include "worker/io/executor_client.h"
#include "worker/io/gpu_monitor.h"
#include "worker/io/image_book.h"
#include "worker/io/job_file.h"
#include "worker/io/launch_book.h"
#include "worker/io/options.h"
#include "worker/io/runtimes.h"
#include "worker/io/scratch_folder.h"
#include "worker/io/stream_server.h"
#include "worker/io/workbench.h"

namespace landseer::worker {

class Server {
 public:
  /// Opens everything and takes over what an earlier agent left running. `options` must outlive it.
  static Result<std::unique_ptr<Server>> start(const Options& options);

  /// Serves until SIGINT or SIGTERM, then gives everything back and ends. Prints `ready` when the
  /// broker has welcomed the worker. An error: the broker refused it, or the executor is lost.
  Result<void> run(net::SignalWatch& signals);

 private:
  Server(const Options& options, ScratchFolder scratch, ArtifactStore store,
         AttemptFolders folders);

  Result<void> start_threads();
  Result<void> start_runtimes();
  std::string place_of(const std::string& name) const;
  Result<protocol::Hello> offer() const;
  Result<void> attach_executor();
  /// What the executor still has, and what became of it meanwhile.
  struct Leftovers {
    std::vector<StartedJob> jobs;
    std::vector<Ended> ended;
  };
  Result<Leftovers> take_over();
  Result<Leftovers> find_leftovers();
  void adopt(const Leftovers& leftovers);
  void wait(net::SignalWatch& signals);
  Result<void> look_at_door(bool was_welcome);
  Result<void> receive_executor();
  void on_executor(const FromExecutor& message);
  RunEnded run_ended(Ended ended) const;
  void receive_broker();
  void receive_threads();
  void blame_full_disk(RunEnded& ended) const;
  void handle(const Event& event);

  void perform(const std::vector<Effect>& effects);
  void perform(const Send& effect);
  void perform(const Prepare& effect);
  void perform(const Run& effect);
  void perform(const StopRun& effect);
  void perform(const Capture& effect);
  void perform(const Discard& effect);
  void perform(const RenewLease& effect);
  void perform(const ServeStreams& effect);
  void perform(const CheckGpus& effect);
  void perform(const CaptureCheckpoint& effect);
  void perform(const RemoveArtifacts& effect);
  void perform(const LookAtContents& effect);
  void perform(const StartHeld& effect);
  Result<void> find_gpus();
  std::vector<protocol::GpuOffer> gpus_of(const std::vector<std::uint32_t>& indices) const;
  void tell_executor(const ToExecutor& message);

  const Options& options_;
  ScratchFolder scratch_;
  ArtifactStore store_;
  AttemptFolders folders_;
  Variables host_variables_;
  std::vector<std::string> host_environment_;
  bool can_hold_ = false;    // the executor can
  std::string cgroup_root_;  // where the executor makes cgroups; empty: it makes none
  std::shared_ptr<const Runtimes> runtimes_;
  net::Context context_;
  net::Dealer broker_;
  net::LossWatch broker_watch_;
  net::Refusal told_refusal_ = net::Refusal::kNone;
  std::unique_ptr<BlobServer> blobs_;
  std::unique_ptr<StreamServer> streams_;  // once somebody reads
  std::string bulk_address_;
  std::shared_ptr<DatasetBook> datasets_;
  std::unique_ptr<ImageBook> images_;
  std::unique_ptr<DiskKeeper> disks_;
  std::unique_ptr<Workbench> workbench_;
  std::unique_ptr<ExecutorClient> executor_;
  std::vector<protocol::GpuOffer> gpus_;  // those that are offered
  std::unique_ptr<GpuMonitor> gpu_monitor_;
  std::unique_ptr<Agent> agent_;
  std::map<AttemptKey, AttemptJob> jobs_;  // prepared or running: what Run needs
  LaunchBook launches_;
  std::vector<Effect> effects_;
  Instant shutdown_deadline_{};
  std::uint64_t bad_frames_ = 0;
};

}  // namespace landseer::worker
