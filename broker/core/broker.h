/// The broker's core: events in, outbox out. Pure: no clock, socket, file, thread or randomness;
/// the same events at the same times give the same outbox, byte for byte. One thread owns it.
/// Reading order: events.h, outbox.h, state.h, lifecycle.h, placement.h, then the handlers in
/// broker_workers.cc and broker_clients.cc.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>

#include "broker/core/arrivals.h"
#include "broker/core/lifecycle.h"
#include "broker/core/placement.h"
#include "broker/core/pruner.h"
#include "broker/core/queries.h"
#include "broker/core/quota.h"
#include "broker/core/snapshot_loader.h"
#include "broker/core/staging.h"
#include "broker/core/state.h"
#include "broker/core/tickets.h"
#include "broker/core/watchers.h"

namespace landseer::broker {

struct TraceStep;

class Broker {
 public:
  explicit Broker(const Settings& settings);

  /// From now on everything the core is given goes there first; before the first of it.
  void trace_to(std::function<void(const TraceStep&)> trace);

  /// Reacts to one event. What it implies for others is done by settle().
  void handle(const Event& event, const Now& now, Outbox& out);
  /// After a batch of events: what is due by time, placement, answers to watchers.
  void settle(const Now& now, Outbox& out);
  /// What out.builds asked for is done; or was not even begun: then the digest is empty, and the
  /// error says why. In any order, and only while there is room.
  void take_built(Arrival arrival, const Now& now, Outbox& out);
  bool has_room_for_built() const;
  /// When settle() must be called at the latest without any event. Empty: never.
  std::optional<Instant> next_deadline(const Now& now) const;

  // --- Snapshots: a state to start from instead of the whole journal ---

  /// From now on next_snapshot_part() gives the state as it is, in slices.
  void begin_snapshot();
  bool snapshot_active() const { return snapshot_.active(); }
  std::string next_snapshot_part(std::size_t tasks_max = SnapshotWriter::kPartTasks);
  /// For what the store writes beside a group.
  std::uint64_t fingerprint() const { return state_.fingerprint; }

  /// A finished pipeline is in the history, or there is nothing to keep of it.
  void archived(PipelineId id);

  // --- Recovery: the items of a snapshot, if there is one, then the records after it ---

  /// An error names what is wrong; the broker must not be used then.
  Result<void> load(const SnapshotItem& item, const Now& now);
  Result<void> end_load(const Now& now);
  /// Before the first event: a record of the store, in order. An error names what is wrong with it;
  /// the broker must not be used then.
  Result<void> replay(const Record& record, const Now& now);
  /// After the last record, before the first event.
  void end_replay(const Now& now);

  /// Aborts if the tables contradict each other. O(everything): tests and debugging only.
  void check_invariants() const;

  const State& state() const { return state_; }
  /// What placement keeps free for whom.
  const Reservations& reservations() const { return placement_.reservations(); }

 private:
  // broker_workers.cc
  void on_hello(const FromWorkerPeer& from, const protocol::Hello& hello, const Now& now,
                Outbox& out);
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
  std::optional<Error> refuse(const FromWorkerPeer& from, const protocol::Hello& hello);
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

  // broker_rights.cc
  void on_client_peer(const FromClientPeer& from, const Now& now, Outbox& out);
  std::optional<protocol::ErrorReply> refuse(const FromClientPeer& from, const Now& now);

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
  void on_client(const FromClientPeer& from, const protocol::Drain& m, const Now& now,
                 Outbox& out);  // broker_drain.cc
  void recall_attempts(const WorkerRecord& worker, Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::GetExplanation& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::GetChanges& m, const Now& now,
                 Outbox& out);  // broker_changes.cc
  void on_client(const FromClientPeer& from, const protocol::ListAttempts& m, const Now& now,
                 Outbox& out);
  void answer_followers(const Now& now, Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::GetToolTimes& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::ListOffers& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::GetGraph& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::CancelPart& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::RetryPart& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::SetPriority& m, const Now& now,
                 Outbox& out);
  void on_client(const FromClientPeer& from, const protocol::PausePart& m, const Now& now,
                 Outbox& out);
  std::vector<std::string> impossible_requests(const PipelineRecord& record);
  Result<void> has_room_for_more(const std::string& owner, std::uint64_t tasks) const;
  protocol::Submitted summary_of(const PipelineRecord& record) const;
  void make_room(std::uint64_t new_tasks, const Now& now, Outbox& out);
  const Settings& settings() const { return state_.settings; }
  bool has_room_for(std::uint64_t tasks) const;
  void reply(const FromClientPeer& to, protocol::ToClient message, Outbox& out);
  void reply_error(const FromClientPeer& to, const Error& error, Outbox& out);
  void answer_watchers(const Now& now, Outbox& out);

  static void note_change(const Caller& caller, std::string_view verb, std::string target,
                          Outbox& out);

  // broker_contents.cc
  void ask_workers(Arrival& arrival, const Now& now, Outbox& out);
  void ask_again(const WorkerRecord& worker, Outbox& out);
  void on_worker(PeerId peer, const protocol::ContentsChecked& m, const Now& now, Outbox& out);
  void accept_arrivals(const Now& now, Outbox& out);

  // broker_submissions.cc
  /// One that was accepted, and its client waits until it is known what is known of it.
  struct Search {
    FromClientPeer from;
    PipelineId pipeline{};                 ///< unless it is a plan
    std::unique_ptr<PipelineRecord> plan;  ///< of nobody's
    HitSearch hits;
  };
  void ask_about(Arrival arrival, const Now& now, Outbox& out);
  void accept(Arrival arrival, const Now& now, Outbox& out);
  Result<void> may_accept(const Arrival& arrival) const;
  PipelineId submit(Arrival arrival, const Now& now, Outbox& out);
  bool look_further(Search& search, const Now& now, Outbox& out);
  void look_further(const Now& now, Outbox& out);
  static void discard(Arrival arrival, Outbox& out);
  protocol::Submitted answer_for(const PipelineRecord& record, bool existing);
  protocol::Submitted answer_for_plan(const Search& search);

  // broker_streams.cc
  void on_client(const FromClientPeer& from, const protocol::OpenStream& m, const Now& now,
                 Outbox& out);
  protocol::StreamSource open_at(const WorkerRecord& worker, Grant grant, const Now& now,
                                 Outbox& out);
  Result<protocol::StreamOpened> open_log(const FoundTask& found,
                                          const protocol::OpenStream& asked, const Now& now,
                                          Outbox& out);
  Result<protocol::StreamOpened> open_artifact(const FoundTask& found, const Now& now, Outbox& out);

  // broker_control.cc
  Result<protocol::Cancelled> cancel(const protocol::Cancel& m, const Now& now, Outbox& out);
  Result<protocol::Retried> retry(const protocol::Retry& m, const Now& now, Outbox& out);
  Result<PipelineRecord*> may_cancel(const protocol::Cancel& m);
  Result<PipelineRecord*> find_target(PipelineId pipeline, TaskId task);
  Result<void> may_retry(const PipelineRecord& record) const;

  // broker_parts.cc
  Result<PipelineRecord*> find_part(const protocol::Selection& what);
  Result<PipelineRecord*> find_workflows(const protocol::Selection& what);
  Result<protocol::Cancelled> cancel_part(const protocol::CancelPart& m, const Now& now,
                                          Outbox& out);
  Result<protocol::Retried> retry_part(const protocol::RetryPart& m, const Now& now, Outbox& out);

  // broker_pause.cc
  Result<protocol::Paused> pause(const protocol::Pause& m, const Now& now, Outbox& out);
  Result<protocol::PartPaused> pause_part(const protocol::PausePart& m, const Now& now,
                                          Outbox& out);

  /// A client that waits for any change after a position.
  struct Follower {
    PeerId peer{};
    std::uint64_t number = 0;
    std::uint64_t after = 0;
    Caller caller;
  };

  State state_;
  std::function<void(const TraceStep&)> trace_;  // empty: nobody traces
  SnapshotLoader loader_;
  SnapshotWriter snapshot_;
  Ledger ledger_;
  Reuse reuse_;
  Lifecycle lifecycle_;
  Placement placement_;
  Pruner pruner_;
  Watchers watchers_;
  std::multimap<Instant, Follower> followers_;  // by when they want an answer
  std::uint64_t followers_told_ = 0;            // the change feed's end when they last were
  Staging staging_;
  Arrivals arrivals_;
  std::uint64_t next_check_ = 1;
  std::uint64_t next_build_ = 1;
  std::list<Search> searches_;  // whose turn is next, first
  RequestQuota quota_;
  std::uint64_t next_session_ = 1;
  std::optional<Instant> settle_due_;  // when the last settle() wanted to be called again
  Instant doubt_until_;                // before that, silence says nothing
  bool out_of_step_ = false;           // to be told
};

}  // namespace landseer::broker
