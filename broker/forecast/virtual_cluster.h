/// The broker's core, the one that brokers run, with workers in virtual time: a task that was
/// assigned ends after the time its job says. Nothing fails, and messages take no time; what is
/// stopped, as enough workflows are complete, ends at once. What it is
/// given as begun is put in place as a restarted broker would read it from its store.
/// Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "broker/core/broker.h"
#include "broker/forecast/running_pipeline.h"

namespace landseer::forecast {

/// What a broker has learned before.
struct KnownTime {
  std::string tool;
  std::string device;
  double mean_ms = 0;
  std::uint64_t samples = 0;
};

class VirtualCluster {
 public:
  /// `begun`: jobs with `so_far`, in the order they were submitted. They go on with the first
  /// run().
  explicit VirtualCluster(std::vector<protocol::Hello> workers,
                          const std::vector<KnownTime>& times = {},
                          const std::vector<Job>& begun = {});

  /// Whether to go on, asked now and then; so many tasks have ended.
  using GoOn = std::function<bool(std::uint64_t ended)>;

  /// Submits these, each so long after now, and runs until nothing more can. Outcomes of what had
  /// begun come first. Empty: told not to go on.
  std::vector<Outcome> run(const std::vector<Job>& jobs, const GoOn& go_on = {});

  /// Results that a task which is not over needs, at most at one time, in the last run().
  std::uint64_t peak_live() const { return peak_live_; }

 private:
  struct Attempt {
    TaskId task{};
    std::uint32_t attempt = 0;
    std::size_t worker = 0;
    std::int64_t started_at = 0;
  };
  struct Worker {
    broker::PeerId peer{};
    std::uint64_t session = 0;
    protocol::Hello offer;
    std::int64_t cpus_free_milli = 0;
    std::deque<Attempt> waiting;  // given ahead
    std::vector<protocol::AttemptRef> held;
  };

  void load(const std::vector<KnownTime>& times);
  void restore(const Job& job);
  void restore_task(const RunningPipeline& pipeline, std::uint32_t task);
  void replay(const broker::Record& record);
  void assign_again(TaskId task, std::size_t worker);
  void connect();
  void resume();
  void submit(const Job& job);
  void end_next();
  void say(const broker::Event& event);
  void settle();
  void take(const protocol::Assign& assign, std::size_t worker);
  void start(const Attempt& attempt);
  void stop(const protocol::AttemptRef& attempt, std::size_t worker);
  void give_up_pruned();
  void start_waiting(Worker& worker);
  std::int64_t cpus_of(TaskId task);
  void set_time(std::int64_t to_ms);
  RunningPipeline& pipeline_of(TaskId task);

  broker::Broker core_;
  broker::Outbox out_;
  Now now_;
  std::int64_t now_ms_ = 0;
  std::vector<Worker> workers_;
  // When, on which worker, and which attempt.
  std::map<std::tuple<std::int64_t, std::size_t, TaskId>, Attempt> ends_;
  std::vector<Attempt> resumed_;                        // had begun
  std::map<std::uint64_t, RunningPipeline> pipelines_;  // of this run, by first task
  std::int64_t live_ = 0;
  std::uint64_t peak_live_ = 0;
  std::uint64_t requests_ = 0;
};

}  // namespace landseer::forecast
