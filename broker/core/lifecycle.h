/// What the end of an attempt means: completed, again, or given up; and cancelling. Every change of
/// a task's status in the broker goes through here, with its record for the store.
#pragma once

#include <string>

#include "broker/core/state.h"

namespace landseer::broker {

class Lifecycle {
 public:
  explicit Lifecycle(State& state) : state_(state) {}

  /// A ready task gets its next attempt on `worker`. The caller sends the assignment.
  void assign(const FoundTask& found, WorkerRecord& worker, const Now& now, Outbox& out);

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

  /// A ready task that was reopened only to keep the order is completed as it was. False: it is
  /// not such a task.
  bool complete_kept(const FoundTask& found, const Now& now);

  /// Returns the number of tasks cancelled at once and of attempts being stopped.
  protocol::Cancelled cancel_task(const FoundTask& found, const Now& now, Outbox& out);
  protocol::Cancelled cancel_pipeline(PipelineRecord& record, const Now& now, Outbox& out);

  /// Held tasks whose backoff is over become ready.
  void release_held(const Now& now);

 private:
  void complete(const FoundTask& found, const protocol::AttemptResult& result);
  void after_task_failure(const FoundTask& found, const protocol::AttemptResult& result,
                          const Now& now);
  void after_missing_input(const FoundTask& found, const protocol::AttemptResult& result,
                           const Now& now, Outbox& out);
  void again_or_give_up(const FoundTask& found, std::uint32_t count, std::uint32_t count_max,
                        const std::string& reason, const Now& now);
  void finish(const FoundTask& found, domain::TaskStatus status, std::string reason);
  void cancel_now(const FoundTask& found);
  void requeue(const FoundTask& found, Duration delay, const Now& now);
  void note_skipped(PipelineRecord& record, const domain::Consequences& consequences);
  void reopen(const FoundTask& found, bool kept, Outbox& out);
  void retire_if_terminal(PipelineRecord& record, const Now& now);
  void stop_attempt(const FoundTask& found, TaskRun& run, Outbox& out);

  State& state_;
};

}  // namespace landseer::broker
