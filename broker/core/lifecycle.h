/// Deciding what the end of an attempt means: completed, again, or given up; and cancelling. It
/// only decides: the changes are records, and the ledger makes them.
#pragma once

#include <string>
#include <vector>

#include "broker/core/ledger.h"
#include "broker/core/parts.h"
#include "broker/core/reuse.h"
#include "broker/core/state.h"

namespace landseer::broker {

class Lifecycle {
 public:
  Lifecycle(State& state, Ledger& ledger, Reuse& reuse)
      : state_(state), ledger_(ledger), reuse_(reuse) {}

  /// A ready task gets its next attempt on `worker`. The caller sends the assignment.
  void assign(const FoundTask& found, const WorkerRecord& worker, const Now& now, Outbox& out);

  /// The live attempt of `found` ended as `result` says. Stale results never get here.
  void end_attempt(const FoundTask& found, const protocol::AttemptResult& result, const Now& now,
                   Outbox& out);

  /// Ends an attempt by the broker's own verdict (kWorkerLost or kReturned).
  void take_back(const FoundTask& found, protocol::Outcome outcome, const std::string& reason,
                 const Now& now, Outbox& out);

  /// `producer`'s artifact is gone: it runs again, and `consumer`, which is ready, waits for it.
  /// The completed tasks between the two are reopened to keep the order, but not run. When the
  /// artifact was lost too often, the consumer fails.
  void rerun_producer(const FoundTask& producer, const FoundTask& consumer, const Now& now,
                      Outbox& out);

  /// A lost input cannot be made again: its producer ended otherwise than completed.
  void fail_for_input(const FoundTask& consumer, const domain::Task& producer, const Now& now,
                      Outbox& out);

  /// The workers that have an input of this ready task are away, but not lost: look again later.
  void wait_for_input(const FoundTask& found, const Now& now);

  /// A ready task that was reopened only to keep the order is completed as it was. False: it is
  /// not such a task.
  bool complete_kept(const FoundTask& found, const Now& now, Outbox& out);

  /// Returns the number of tasks cancelled at once and of attempts being stopped.
  protocol::Cancelled cancel_task(const FoundTask& found, const Now& now, Outbox& out);
  protocol::Cancelled cancel_pipeline(PipelineRecord& record, const Now& now, Outbox& out);

  // Parts (lifecycle_parts.cc).

  protocol::Cancelled cancel_part(PipelineRecord& record, const CancelRequested& r, const Now& now,
                                  Outbox& out);
  /// What such a plan would do now.
  protocol::Cancelled foresee(PipelineRecord& record, const CancelPlan& plan) const;
  /// These run and are to be cancelled, which the ledger knows: each attempt goes on for somebody
  /// else, or is stopped. Counts both.
  protocol::Cancelled give_up(PipelineRecord& record, const std::vector<domain::TaskPtr>& running,
                              const Now& now, Outbox& out);

  /// Held tasks whose backoff is over become ready.
  void release_held(const Now& now);

 private:
  AttemptEnded decide(const FoundTask& found, const protocol::AttemptResult& result) const;
  std::optional<FoundTask> producer_of(const FoundTask& found, const Digest& artifact) const;
  void tell_of_quarantine(WorkerId host, Outbox& out) const;
  static protocol::Cancelled with_counts(protocol::Cancelled done, const PipelineRecord& record,
                                         const CancelPlan& plan);
  bool give_up_attempt(const FoundTask& found, const Now& now, Outbox& out);
  void stop_attempt(const TaskRun& run, TaskId task, Outbox& out);

  State& state_;
  Ledger& ledger_;
  Reuse& reuse_;
};

}  // namespace landseer::broker
