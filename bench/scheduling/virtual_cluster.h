/// The broker's core with workers of one GPU each, in virtual time: a task that was assigned ends
/// after the time its workload says. Nothing fails, and messages take no time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "bench/scheduling/workload.h"
#include "broker/core/broker.h"

namespace landseer::bench {

/// What became of one pipeline; times are milliseconds since it was submitted.
struct Outcome {
  double makespan_ms = 0;
  std::vector<double> workflows_ms;  ///< when each was complete, in that order
};

class VirtualCluster {
 public:
  explicit VirtualCluster(std::uint32_t gpus);

  /// Submits these, each so long after now, and runs until all are over.
  std::vector<Outcome> run(const std::vector<Workload>& workloads,
                           const std::vector<std::int64_t>& after_ms);

  /// Results that a task which is not over needs, at most at one time, in the last run().
  std::uint64_t peak_live() const { return peak_live_; }

 private:
  struct Worker {
    broker::PeerId peer{};
    std::uint64_t session = 0;
    protocol::Assignment work;  // while busy
    std::int64_t started_at = 0;
  };
  struct Pipeline {
    const Workload* workload = nullptr;
    std::uint64_t first_task = 0;
    std::int64_t submitted_ms = 0;
    std::vector<std::uint32_t> open_dependents;  // by task
    std::vector<std::uint32_t> open_tasks;       // by workflow
    std::vector<std::vector<std::uint32_t>> workflows_of;
    Outcome outcome;
  };

  void connect(std::uint32_t gpus);
  void submit(const Workload& workload);
  void end_next();
  void end_task(Pipeline& pipeline, std::uint32_t task);
  void say(const broker::Event& event);
  void settle();
  void begin(Worker& worker, const protocol::Assignment& work);
  void set_time(std::int64_t to_ms);
  void beat();
  Pipeline& pipeline_of(TaskId task);

  broker::Broker core_;
  broker::Outbox out_;
  Now now_;
  std::int64_t now_ms_ = 0;
  std::vector<Worker> workers_;
  std::set<std::pair<std::int64_t, std::size_t>> ends_;  // when, and which worker
  std::map<std::uint64_t, Pipeline> pipelines_;          // of this run, by first task
  std::uint64_t live_ = 0;
  std::uint64_t peak_live_ = 0;
  std::uint64_t requests_ = 0;
};

}  // namespace landseer::bench
