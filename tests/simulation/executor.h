/// The simulated executor of one worker, and its tools: worker/io/executor_loop.cc without the
/// operating system. It outlives agents, holds the lease's end itself, and knows from its files
/// what an executor before it had started.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/world.h"
#include "worker/core/effects.h"

namespace landseer::simulation {

using worker::AttemptJob;
using worker::AttemptKey;

class Executor {
 public:
  Executor(World& world, WorkerHost& host);

  // --- What an agent asks for ---
  /// Starts an executor if none is there. The answers are Ended for each attempt not forgotten,
  /// then the inventory.
  void attach();
  void detach();
  void launch(const AttemptJob& job, const worker::Run& run);
  void start(const AttemptKey& key);
  void halt(const AttemptKey& key);
  void renew(Instant until);
  void forget(const AttemptKey& key);
  void quit();

  // --- What happens to it ---
  /// The process dies, and its guard ends its tools.
  void crash();
  /// All processes are gone, the files stay.
  void power_off();
  void wipe_files() { files_.clear(); }
  /// The machine stood still for so long.
  void stood_still(Duration length);
  /// The kernel kills a tool. False: none runs.
  bool kill_some_tool();

  bool runs() const { return runs_; }
  /// Of its connection to an agent: what was sent over an earlier one is lost.
  std::uint64_t link() const { return link_; }
  bool is_quitting() const { return runs_ && quitting_; }
  bool has_tools() const { return !tools_.empty(); }
  std::vector<AttemptKey> running() const;
  /// Attempts whose end is kept for an agent.
  std::vector<AttemptKey> kept() const;

 private:
  struct Tool {
    AttemptKey key;
    RunFate fate;
    Instant begun{};   ///< true time
    Instant end_at{};  ///< true time; zero: never by itself
    Duration grace{};
    bool ended = false;      ///< its first process
    bool supervised = true;  ///< by the executor that is there
    std::int32_t status = 0;
    bool signalled = false;
    std::optional<worker::RunEnded> verdict;  ///< only outcome and reason
    std::optional<Instant> timeout_at;        ///< boot clock, as are the next two
    std::optional<Instant> kill_at;
    WallTime started_at;
    Instant boot_started{};
    bool stood_still = false;  ///< with its machine
    std::uint64_t plan = 0;    ///< of its next event
    std::string slot{};
  };

  struct Held {
    AttemptJob job;
    worker::Run run;
  };

  Instant boot() const;
  void begin(const AttemptJob& job, const worker::Run& run);
  std::optional<Held> take_held(const AttemptKey& key);
  std::optional<Held> take_held(const std::string& slot);
  void give_back_held(const std::string& reason);
  void schedule_end(Tool& tool, Instant when);
  void process_ended(const AttemptKey& key);
  void all_gone(const AttemptKey& key);
  void stop(Tool& tool, protocol::Outcome outcome, const std::string& reason);
  void stop_all(protocol::Outcome outcome, const std::string& reason);
  void kill(Tool& tool);
  void end_unstarted(const AttemptKey& key, protocol::Outcome outcome, const std::string& reason);
  void keep(worker::RunEnded ended);
  void tick();
  void arm();
  void end_if_done();

  World& world_;
  WorkerHost& host_;
  bool runs_ = false;
  bool attached_ = false;
  std::uint64_t link_ = 0;
  bool quitting_ = false;
  bool lease_over_ = false;
  Instant lease_end_{};
  std::map<AttemptKey, Tool> tools_;
  std::deque<Held> held_;
  /// On disk: what was started, and how it ended if it did.
  std::map<AttemptKey, std::optional<worker::RunEnded>> files_;
  std::uint64_t alarms_ = 0;
  Instant alarm_at_{};
  std::uint64_t plans_ = 0;
};

}  // namespace landseer::simulation
