/// A worker's machine: the real agent in the shell of worker/io/server.cc, its executor and tools,
/// its clocks, and the disk with artifacts and job files. Processes die, hang and come back; the
/// machine stands still, restarts, or loses its disk.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/executor.h"
#include "tests/simulation/world.h"
#include "worker/core/agent.h"

namespace landseer::simulation {

class WorkerHost {
 public:
  WorkerHost(World& world, std::uint32_t index, std::int64_t drift_ppm);

  void start_agent();

  // --- Messages ---
  void receive(protocol::ToWorker message);
  void receive_garbled();
  void executor_ended() { tell_agent(&WorkerHost::notice_lost_executor); }
  void from_executor(const worker::RunEnded& ended);
  void from_executor_started(const AttemptKey& key, WallTime at);
  void from_executor_inventory(std::vector<AttemptKey> running);

  // --- Faults. False: makes no sense now. ---
  bool crash_agent(Duration down);
  bool hang_agent(Duration length);
  bool crash_executor();
  /// At once, or between the agent's next renewal of the lease and the executor's reading of it.
  bool suspend(Duration length, bool at_renewal);
  bool reboot(Duration down, bool loses_disk);
  bool drain(Duration down);
  bool fall_sick(Duration length);
  bool lose_artifact();
  /// One of its images, or its data set, is another from now on, and it says so or not.
  void move_tag();
  bool kill_some_tool() { return executor_.kill_some_tool(); }
  void jump_wall(std::int64_t milliseconds) { clock_.jump(milliseconds); }
  /// Everything works again; an operator starts what is down, or in quarantine.
  void heal(bool quarantined);

  // --- State ---
  std::uint32_t index() const { return index_; }
  /// Grows with every agent.
  std::uint64_t life() const { return life_; }
  bool agent_runs() const { return agent_ != nullptr; }
  bool is_frozen() const { return world_.kernel.now() < frozen_until_; }
  bool is_sick() const { return world_.kernel.now() < sick_until_; }
  bool serves(const Digest& artifact) const;
  bool responds() const;
  bool is_idle() const;
  std::string describe() const;
  /// By what the agent said last; on the boot clock.
  Instant lease_until() const { return lease_until_; }
  Now now() const { return clock_.now(world_.kernel.now()); }
  Instant when(Instant boot) const { return clock_.when(boot); }

  /// Runs `work` at `when`, or when the machine goes on.
  template <class Work>
  void schedule(Instant when, Work work) {
    world_.kernel.at(when, [this, work = std::move(work)]() mutable {
      if (is_frozen()) return schedule(frozen_until_, std::move(work));
      work();
    });
  }

 private:
  struct StartedJob {
    AttemptJob job;
    std::vector<std::uint32_t> gpus;
  };

  protocol::Hello offer();
  void stop_agent();
  void start_agent_after(Duration down);
  template <class Work>
  void to_agent(Work work);
  template <class Work>
  void to_executor(Work work);
  void handle(const worker::Event& event);
  void settle();
  void arm();
  void on_inventory(const std::vector<AttemptKey>& running);
  void notice_lost_executor();
  void begin_shutdown() { handle(worker::ShutdownRequested{}); }
  void tell_agent(void (WorkerHost::*what)());

  void perform(const std::vector<worker::Effect>& effects);
  void perform(const worker::Send& effect);
  void perform(const worker::Prepare& effect);
  void perform(const worker::Run& effect);
  void perform(const worker::StartHeld& effect);
  void perform(const worker::StopRun& effect);
  void perform(const worker::Capture& effect);
  void perform(const worker::Discard& effect);
  void perform(const worker::RenewLease& effect);
  void perform(const worker::ServeStreams& effect);
  void perform(const worker::CheckGpus& effect);
  void perform(const worker::CaptureCheckpoint& effect);
  void perform(const worker::RemoveArtifacts& effect);
  void perform(const worker::LookAtContents& effect);
  void prepare(const AttemptJob& job);
  bool fetch(const protocol::InputArtifact& input, bool& answered);
  void keep_artifact(const Digest& artifact);
  void notice_full_store();
  void notice_contents();
  void answer_look();
  Digest content_of(const std::string& name) const;
  std::vector<protocol::ImageOffer> image_offers() const;
  std::vector<protocol::DatasetOffer> dataset_offers() const;
  void notice_full_disk();
  void notice_space() { handle(worker::FitnessChanged{}); }

  World& world_;
  std::uint32_t index_;
  Clock clock_;
  Executor executor_;

  // The agent's process.
  std::unique_ptr<worker::Agent> agent_;
  std::uint64_t life_ = 0;
  std::map<AttemptKey, AttemptJob> jobs_;
  std::map<AttemptKey, std::uint64_t> launched_;  ///< not ended, and over which link
  std::vector<worker::Effect> effects_;
  std::deque<std::uint64_t> looks_;  ///< asked for, not yet answered
  Instant hung_until_{};
  Instant shutdown_deadline_{};
  Instant wake_{};
  std::uint64_t wakes_ = 0;
  Instant last_to_agent_{};
  Instant last_to_executor_{};
  bool starting_ = false;
  std::vector<worker::RunEnded> leftovers_;
  std::vector<AttemptKey> left_running_;
  std::uint64_t starts_planned_ = 0;

  // The disk.
  std::uint32_t disk_ = 1;
  std::set<Digest> artifacts_;
  Instant asks_again_{};  ///< for room
  struct Named {
    std::uint32_t version = 1;
    bool told = true;  ///< to the broker, before a tool needs it
  };
  std::map<std::string, Named> contents_;  ///< of images and of the data set
  std::map<AttemptKey, StartedJob> job_files_;

  // The machine.
  Instant frozen_until_{};
  Instant lease_until_{};
  Instant sick_until_{};
  Duration suspend_at_renewal_{};
  Duration away_for_{};  ///< after it was drained
};

}  // namespace landseer::simulation
