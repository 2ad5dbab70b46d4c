/// The broker's core: events in, outbox out. Pure: no clock, socket, file, thread or randomness;
/// the same events at the same times give the same outbox, byte for byte. One thread owns it.
/// Reading order: events.h, outbox.h, state.h, lifecycle.h, placement.h, then the handlers in
/// broker_workers.cc and broker_clients.cc.
#pragma once

#include <map>
#include <optional>

#include "broker/core/lifecycle.h"
#include "broker/core/placement.h"
#include "broker/core/queries.h"
#include "broker/core/snapshot_loader.h"
#include "broker/core/staging.h"
#include "broker/core/state.h"
#include "broker/core/watchers.h"

namespace landseer::broker {

class Broker {
 public:
  explicit Broker(const Settings& settings);

  /// Reacts to one event. What it implies for others is done by settle().
  void handle(const Event& event, const Now& now, Outbox& out);
  /// After a batch of events: what is due by time, placement, answers to watchers.
  void settle(const Now& now, Outbox& out);
  /// When settle() must be called at the latest without any event. Empty: never.
  std::optional<Instant> next_deadline(const Now& now) const;

  // --- Snapshots: a state to start from instead of the whole journal ---

  /// From now on next_snapshot_part() gives the state as it is, in slices.
  void begin_snapshot() { snapshot_.begin(); }
  bool snapshot_active() const { return snapshot_.active(); }
  std::string next_snapshot_part(std::size_t tasks_max = SnapshotWriter::kPartTasks) {
    return snapshot_.next_part(tasks_max);
  }
  /// For what the store writes beside a group.
  std::uint64_t fingerprint() const { return state_.fingerprint; }

  /// A finished pipeline is in the history, or there is nothing to keep of it.
  void archived(PipelineId id) { state_.pipelines.archived(id); }

  // --- Recovery: the items of a snapshot, if there is one, then the records after it ---

  /// An error names what is wrong; the broker must not be used then.
  Result<void> load(const SnapshotItem& item, const Now& now) { return loader_.add(item, now); }
  Result<void> end_load(const Now& now) { return loader_.finish(now); }
  /// Before the first event: a record of the store, in order. An error names what is wrong with it;
  /// the broker must not be used then.
  Result<void> replay(const Record& record, const Now& now) { return ledger_.replay(record, now); }
  /// After the last record, before the first event.
  void end_replay(const Now& now) { ledger_.end_replay(now); }

  /// Aborts if the tables contradict each other. O(everything): tests and debugging only.
  void check_invariants() const;

  const State& state() const { return state_; }

 private:
  // broker_workers.cc
  void on_worker(PeerId peer, const protocol::Hello& hello, const Now& now, Outbox& out);
  void on_worker(PeerId peer, const protocol::Heartbeat& beat, const Now& now, Outbox& out);
  void on_worker(PeerId peer, const protocol::Started& started, const Now& now, Outbox& out);
  void on_worker(PeerId peer, const protocol::Results& results, const Now& now, Outbox& out);
  void on_worker(PeerId peer, const protocol::Leaving& leaving, const Now& now, Outbox& out);
  void on_worker(PeerId peer, const protocol::Goodbye& goodbye, const Now& now, Outbox& out);
  bool is_needed(const Digest& artifact, std::size_t& looks);
  bool is_wanted(const Digest& checkpoint, const WorkerRecord& leaving, std::size_t& looks);
  TaskId owner_of(const protocol::AttemptRef& attempt) const;
  void take_result(const FoundTask& found, protocol::AttemptResult result, const Now& now,
                   Outbox& out);
  // broker_offers.cc
  void on_worker(PeerId peer, const protocol::Offer& offer, const Now& now, Outbox& out);
  void on_worker(PeerId peer, const protocol::ReleaseRequest& asked, const Now& now, Outbox& out);
  void on_worker(PeerId peer, const protocol::Dropped& dropped, const Now& now, Outbox& out);
  void on_worker(PeerId peer, const protocol::Holding& holding, const Now& now, Outbox& out);
  WorkerRecord* require_session(PeerId peer, std::uint64_t session, const Now& now, Outbox& out);
  std::optional<Error> refuse(const protocol::Hello& hello);
  std::vector<protocol::Verdict> reconcile(WorkerRecord& worker, const protocol::Hello& hello,
                                           bool same_instance, const Now& now, Outbox& out);
  void take_back_all(WorkerRecord& worker, protocol::Outcome outcome, const std::string& reason,
                     const Now& now, Outbox& out);

  // broker_liveness.cc
  bool is_loop_healthy(const Now& now);
  void check_liveness(const Now& now, Outbox& out);
  void freeze_expiry_if_many(const Now& now, Outbox& out);
  void thaw_expiry(const Now& now, Outbox& out);
  void lose(WorkerRecord& worker, const Now& now, Outbox& out);
  std::optional<Instant> liveness_deadline() const;

  // broker_clients.cc
  void on_client(const FromClientPeer& from, const protocol::ClientHello& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::SubmitChunk& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::ListPipelines& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::WatchPipeline& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::ListTasks& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::GetTask& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::ListWorkflows& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::ListWorkers& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::Cancel& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::Retry& m, const Now& now, Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::Pause& m, const Now& now, Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::GetExplanation& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::GetChanges& m, const Now& now,
                 Outbox& out);  // broker_changes.cc
  void on_client(const FromClientPeer& from, const protocol::ListAttempts& m, const Now& now,
                 Outbox& out);
  void answer_followers(const Now& now, Outbox& out);
  Result<protocol::Submitted> submit(const std::string& submission_id, const std::string& body,
                                     bool plan_only, const Now& now, Outbox& out);
  protocol::Submitted summary_of(const PipelineRecord& record) const;
  void make_room(std::uint64_t new_tasks, const Now& now, Outbox& out);
  const Settings& settings() const { return state_.settings; }
  bool has_room_for(std::uint64_t tasks) const;
  void reply(const FromClientPeer& to, protocol::ToClient message, Outbox& out);
  void reply_error(const FromClientPeer& to, const Error& error, Outbox& out);
  void answer_watchers(const Now& now, Outbox& out);

  // broker_streams.cc
  void on_client(const FromClientPeer& from, const protocol::OpenStream& m, const Now& now,
                 Outbox& out);
  protocol::StreamSource open_at(const WorkerRecord& worker, TaskId task, std::uint32_t attempt,
                                 const Now& now, Outbox& out);
  Result<protocol::StreamOpened> open_log(const FoundTask& found, std::uint32_t attempt,
                                          const Now& now, Outbox& out);
  Result<protocol::StreamOpened> open_artifact(const FoundTask& found, const Now& now, Outbox& out);

  // broker_control.cc
  Result<protocol::Cancelled> cancel(const protocol::Cancel& m, const Now& now, Outbox& out);
  Result<protocol::Retried> retry(const protocol::Retry& m, const Now& now, Outbox& out);
  Result<PipelineRecord*> find_target(PipelineId pipeline, TaskId task);
  Result<void> may_retry(const PipelineRecord& record) const;

  /// A client that waits for any change after a position.
  struct Follower {
    PeerId peer{};
    std::uint64_t number = 0;
    std::uint64_t after = 0;
  };

  State state_;
  SnapshotLoader loader_;
  SnapshotWriter snapshot_;
  Ledger ledger_;
  Reuse reuse_;
  Lifecycle lifecycle_;
  Placement placement_;
  Watchers watchers_;
  std::multimap<Instant, Follower> followers_;  // by when they want an answer
  std::uint64_t followers_told_ = 0;            // the change feed's end when they last were
  Staging staging_;
  std::uint64_t next_session_ = 1;
  std::optional<Instant> settle_due_;  // when the last settle() wanted to be called again
  Instant doubt_until_;                // before that, silence says nothing
  bool out_of_step_ = false;           // to be told
};

}  // namespace landseer::broker
