/// The only writer of what the store remembers: every lasting change is a record, and a record's
/// change to the tables is made here, whether it was decided just now or is read back from a store.
/// So what is replayed cannot differ from what happened.
#pragma once

#include <memory>

#include "broker/core/fingerprint.h"
#include "broker/core/parts.h"
#include "broker/core/snapshot_writer.h"
#include "broker/core/state.h"

namespace landseer::broker {

/// What a record that does not fit the tables is answered with: kInternal, damage.
tl::unexpected<Error> contradiction(const std::string& what);

class Ledger {
 public:
  Ledger(State& state, SnapshotWriter& snapshot) : state_(state), snapshot_(snapshot) {}

  /// Applies the record and puts it into the outbox for the store. Legal by construction: the
  /// caller has checked it against the tables.
  void commit(Record record, const Now& now, Outbox& out);

  /// A submission that was built already: like commit(), without building it again.
  PipelineRecord& commit_pipeline(std::unique_ptr<PipelineRecord> built, std::string body,
                                  const Now& now, Outbox& out);

  /// Applies a record of a store. kInternal if it contradicts what came before: the store is
  /// damaged, or this version cannot read it.
  Result<void> replay(const Record& record, const Now& now);
  /// The tasks that this retry makes pending again; none, or an error, if it may not be asked for.
  Result<std::vector<domain::TaskPtr>> retryable(const RetryRequested& r) const;
  /// Whether this retry of a part changes anything.
  bool has_effect(const RetryRequested& r) const;
  /// After the last record: nobody is connected, and everybody gets a full lease to come back.
  void end_replay(const Now& now);

 private:
  /// Stands around a change of one task: lets the snapshot keep what was there, and keeps the
  /// fingerprint.
  class TaskChange {
   public:
    TaskChange(Ledger& ledger, PipelineRecord& record, const domain::Task& task);
    ~TaskChange();
    TaskChange(const TaskChange&) = delete;
    TaskChange& operator=(const TaskChange&) = delete;

   private:
    Ledger& ledger_;
    PipelineRecord& record_;
    const domain::Task& task_;
  };
  /// The same for a task that a change of another one moved on from pending.
  void note_moved(PipelineRecord& record, const domain::Task& task);
  /// The same for what a pipeline has besides its tasks.
  template <class Change>
  void change(PipelineRecord& record, Change&& change);

  Result<void> add(const PipelineAdded& r);
  void apply(const PipelineAdded& r, const Now& now);
  void apply(const WorkerAdded& r, const Now& now);
  void apply(const AttemptAssigned& r, const Now& now);
  void apply(const AttemptEnded& r, const Now& now);
  void apply(const TaskReopened& r, const Now& now);
  void apply(const TaskKept& r, const Now& now);
  void apply(const TaskFailed& r, const Now& now);
  void apply(const CancelRequested& r, const Now& now);
  void apply(const PipelineForgotten& r, const Now& now);
  void apply(const WorkerForgotten& r, const Now& now);
  void apply(const WorkerDrained& r, const Now& now);
  void apply(const WorkerBound& r, const Now& now);
  void apply(const RetryRequested& r, const Now& now);  // ledger_control.cc
  void apply(const PauseChanged& r, const Now& now);    // ledger_pause.cc
  void apply(const PartPauseChanged& r, const Now& now);
  void apply(const PriorityChanged& r, const Now& now);
  void apply(const TasksPruned& r, const Now& now);
  void apply(const ContentBound& r, const Now& now);  // ledger_reuse.cc
  void apply(const TasksCached& r, const Now& now);
  void apply(const AttemptHandedOver& r, const Now& now);

  Result<void> check(const Record& record) const;
  Result<void> check_control(const Record& record) const;
  Result<void> check_part(const PipelineRecord* record,
                          const std::vector<protocol::WorkflowRange>& workflows) const;
  Result<void> check_pruned(const TasksPruned& r) const;
  Result<void> check_reuse(const Record& record) const;
  Result<void> check_hits(const TasksCached& cached) const;
  void complete_from(PipelineRecord& record, const TaskHit& hit);
  void keep_checkpoint(TaskRun& run, TaskId task, WorkerId worker,
                       const protocol::AttemptResult& result);
  void drop_checkpoint(TaskRun& run, TaskId task);
  void record_attempt(const FoundTask& found, TaskRun& run, WorkerRecord& worker,
                      const AttemptEnded& r);
  void count_outcome(TaskRun& run, WorkerRecord& worker, const protocol::AttemptResult& result);
  void forgive(WorkerRecord& worker);
  void requeue(const FoundTask& found, bool held);
  void keep_result(const FoundTask& found, TaskRun& run, WorkerId worker,
                   const protocol::AttemptResult& result);
  void learn_time(const std::string& tool, const AttemptEnded& r);
  void expect_times(PipelineRecord& record);
  void finish(const FoundTask& found, domain::TaskStatus status, std::string reason);
  void cancel(const FoundTask& found, std::string reason);
  void cancel_part(const CancelRequested& r);
  void give_up(PipelineRecord& record, const std::vector<domain::TaskPtr>& pending,
               const std::vector<domain::TaskPtr>& running, const std::string& reason, bool pruned);
  void forget_cancellation(PipelineRecord& record, const RetryRequested& r);
  void note_evaluation(PipelineRecord& record, const domain::Task& task);
  void note_skipped(PipelineRecord& record, const domain::Consequences& consequences);
  Result<void> check_pause(const PartPauseChanged& r) const;
  void update_pause(PipelineRecord& record, const domain::Task& task);
  void update_pauses(PipelineRecord& record, const std::vector<domain::TaskPtr>& tasks);
  void update_pauses_of(PipelineRecord& record,
                        const std::vector<protocol::WorkflowRange>& workflows);
  void retire_if_terminal(PipelineRecord& record, std::int64_t at);

  State& state_;
  SnapshotWriter& snapshot_;
};

template <class Change>
void Ledger::change(PipelineRecord& record, Change&& change) {
  snapshot_.keep(record);
  state_.fingerprint -= fingerprint(record);
  change();
  state_.fingerprint += fingerprint(record);
}

}  // namespace landseer::broker
