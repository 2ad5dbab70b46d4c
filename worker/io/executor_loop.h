/// The executor's loop and its table of attempts; executor.h tells what it is for.
#pragma once

#include <poll.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "worker/io/attempt_files.h"
#include "worker/io/executor_link.h"
#include "worker/io/executor_messages.h"
#include "worker/io/supervised_process.h"

namespace landseer::worker {

/// Everything the loop needs from outside, ready to use.
struct ExecutorParts {
  UniqueFd listener;
  UniqueFd signals;  ///< signalfd of SIGCHLD and SIGTERM
  UniqueFd alarm;    ///< timerfd of CLOCK_BOOTTIME, the clock of net::now()
  UniqueFd dev_null;
  AttemptFiles files;
  std::uint64_t log_bytes_max = 0;
  Duration lease{};
  CgroupSources cgroups;
};

class ExecutorLoop {
 public:
  explicit ExecutorLoop(ExecutorParts parts);
  /// Returns when there is nothing left to do.
  void run();

 private:
  using Running = std::map<AttemptKey, std::unique_ptr<SupervisedProcess>>;

  void load();
  bool is_done() const;
  void wait();
  void set_alarm();
  std::optional<Instant> next_deadline() const;

  void pump_logs();
  void take_signals();
  void reap();
  void accept_agent();
  void serve_agent();
  void drop_agent(const std::string& why);
  void send(const FromExecutor& message);
  void tick();
  void settle();

  void on(const Launch& launch);
  void on(const Halt& halt);
  void on(const Renew& renew);
  void on(const Forget& forget);
  void on(const Quit& quit);
  void on(const Start& start);

  std::optional<Launch> take_held(const AttemptKey& key);
  std::optional<Launch> take_held(const std::string& slot);
  void give_back_held(const std::string& reason);
  std::variant<Launched, Ended> begin(const Launch& launch, Now now);
  void announce(std::variant<Launched, Ended> begun);
  void stop_all(protocol::Outcome outcome, const std::string& reason);
  void end_unstarted(const AttemptKey& key, protocol::Outcome outcome, std::string reason);
  void keep(Ended ended);

  ExecutorParts parts_;
  Household household_;
  Running running_;
  std::deque<Launch> held_;            ///< in the order they came
  std::map<AttemptKey, Ended> ended_;  ///< until forgotten
  std::unique_ptr<Link> agent_;
  Instant lease_end_;
  bool lease_over_ = false;  ///< tools were stopped for it; until the next Renew
  bool quitting_ = false;
  bool childless_ = false;  ///< at the last look
  std::optional<Instant> alarm_at_;
  std::vector<pollfd> polled_;
};

}  // namespace landseer::worker
