/// The worker's core: what to do with each attempt, when to speak to the broker, and when to doubt
/// that it is there. Pure: events in, effects out; no clock, socket, file or thread. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/core/effects.h"
#include "worker/core/gpu_watch.h"
#include "worker/core/slots.h"

namespace landseer::worker {

struct AgentSettings {
  protocol::Hello offer;   ///< all but `held` filled in
  std::uint64_t seed = 1;  ///< spreads retries
};

class Agent {
 public:
  explicit Agent(AgentSettings settings);

  /// Whether whoever runs attempts can hold the next one for each that runs: then a slot does not
  /// wait for this agent to hear that it is free.
  void set_holding(bool can_hold) { can_hold_ = can_hold; }

  /// Before the first event: an attempt that an earlier agent started and the executor still has.
  void adopt(const AttemptJob& job, const std::vector<std::uint32_t>& gpus);

  void handle(const Event& event, const Now& now, std::vector<Effect>& out);
  /// After a batch of events: starts what fits, sends what is due.
  void settle(const Now& now, std::vector<Effect>& out);
  /// When settle() must be called at the latest without any event.
  Instant next_deadline() const;

  /// A message could not be sent: what the broker knows is uncertain, so the conversation starts
  /// over with Hello.
  void connection_lost(const Now& now);

  /// The broker refused this worker for good: the program should end with this error.
  const std::optional<Error>& refused() const { return refused_; }
  /// After ShutdownRequested: everything is given back and acknowledged (or nobody is there).
  bool finished() const;
  bool connected() const { return session_ != 0; }
  /// Until when attempts may run: what an executor that is started now must be told.
  RenewLease lease() const { return {lease_end_}; }
  std::size_t attempts() const { return attempts_.size(); }

 private:
  enum class Phase : std::uint8_t {
    kPreparing,
    kReady,  // prepared, waits for a slot
    kHeld,   // waits for one where it is to run, and may have got it already
    kRunning,
    kCapturing,
    kSaving,    // the checkpoint of an attempt that ended without success
    kReported,  // has a result, kept until the broker acknowledges it
  };
  struct Attempt {
    AttemptJob job;
    Phase phase = Phase::kPreparing;
    bool stopping = false;  // StopRun was asked for
    bool unwanted = false;  // the broker gave it away: no report
    bool recalled = false;  // the broker wants it back, with its checkpoint
    bool sent = false;      // the result was sent in this session
    protocol::AttemptResult result;
    std::vector<std::uint32_t> gpus;
    std::string slot{};  // as in Run, once it is held or runs
  };
  struct Place {
    std::size_t running = 0;
    std::size_t held = 0;
  };

  void on(const Received& event, const Now& now, std::vector<Effect>& out);
  void on(const Prepared& event, const Now& now, std::vector<Effect>& out);
  void on(const PrepareFailed& event, const Now& now, std::vector<Effect>& out);
  void on(const RunStarted& event, const Now& now, std::vector<Effect>& out);
  void on(const RunEnded& event, const Now& now, std::vector<Effect>& out);
  void on(const Captured& event, const Now& now, std::vector<Effect>& out);
  void on(const CaptureFailed& event, const Now& now, std::vector<Effect>& out);
  void on(const ShutdownRequested& event, const Now& now, std::vector<Effect>& out);
  void on(const GpusChanged& event, const Now& now, std::vector<Effect>& out);
  void on(const DatasetsChanged& event, const Now& now, std::vector<Effect>& out);
  void on(const ImagesChanged& event, const Now& now, std::vector<Effect>& out);
  void on(const ContentsLooked& event, const Now& now, std::vector<Effect>& out);
  void on(const FitnessChanged& event, const Now& now, std::vector<Effect>& out);
  void on(const GpusChecked& event, const Now& now, std::vector<Effect>& out);
  void on(const CheckpointCaptured& event, const Now& now, std::vector<Effect>& out);
  void on(const StoreFull& event, const Now& now, std::vector<Effect>& out);

  void on_message(const protocol::Welcome& m, const Now& now, std::vector<Effect>& out);
  void on_message(const protocol::Rehello& m, const Now& now, std::vector<Effect>& out);
  void on_message(const protocol::Refused& m, const Now& now, std::vector<Effect>& out);
  void on_message(const protocol::HeartbeatReply& m, const Now& now, std::vector<Effect>& out);
  void on_message(const protocol::Assign& m, const Now& now, std::vector<Effect>& out);
  void on_message(const protocol::ResultsAck& m, const Now& now, std::vector<Effect>& out);
  void on_message(const protocol::Stop& m, const Now& now, std::vector<Effect>& out);
  void on_message(const protocol::Attend& m, const Now& now, std::vector<Effect>& out);
  void on_message(const protocol::Release& m, const Now& now, std::vector<Effect>& out);
  void on_message(const protocol::Recall& m, const Now& now, std::vector<Effect>& out);
  void on_message(const protocol::CheckContents& m, const Now& now, std::vector<Effect>& out);

  Attempt* find(const AttemptKey& key);
  void accept(AttemptJob job, const Now& now, std::vector<Effect>& out);
  void stop(const AttemptKey& key, protocol::Outcome outcome, std::vector<Effect>& out);
  void report(const AttemptKey& key, protocol::Outcome outcome, std::string reason,
              std::vector<Effect>& out);
  void forget(const AttemptKey& key, std::vector<Effect>& out);
  void free_slot(Attempt& attempt, const Now& now);
  void apply_gpu_watch();
  Duration grace() const;
  void start_ready(std::vector<Effect>& out);
  void hold_next(std::vector<Effect>& out);
  void start_held(std::vector<Effect>& out);
  void occupied(Attempt& attempt);
  void no_longer_held(const AttemptKey& key, Attempt& attempt);
  void took_over(const AttemptKey& key);
  void send_holdings(std::vector<Effect>& out);
  void send_results(std::vector<Effect>& out);
  void leave(const Now& now, std::vector<Effect>& out);
  bool is_waiting_to_leave() const;
  std::set<Digest> artifacts_in_use() const;
  void spare(const Digest& artifact);
  bool is_current(std::uint64_t session);
  void speak(const Now& now, std::vector<Effect>& out);
  void renew_lease(Instant sent, std::vector<Effect>& out);

  AgentSettings settings_;
  Slots slots_;
  GpuWatch gpu_watch_;
  std::map<AttemptKey, Attempt> attempts_;
  std::deque<AttemptKey> ready_;         // in the order they were prepared
  std::deque<AttemptKey> held_;          // in the order they were sent
  std::map<std::string, Place> places_;  // by slot; none of those that nobody has
  bool can_hold_ = false;
  std::deque<AttemptKey> unsent_;  // with results for the next message
  std::set<AttemptKey> done_;      // acknowledged in this session: not to be run again
  std::vector<protocol::StartedAttempt> started_;
  std::vector<Digest> fetched_;
  std::uint64_t bytes_fetched_ = 0;  // for fetched_
  std::vector<Digest> dropped_;      // not told yet
  std::vector<Digest> asked_;        // of the ReleaseRequest under way
  std::vector<Digest> spared_;       // not asked for, as attempts here use them
  std::set<Digest> wanted_;          // checkpoints given back on leaving, which others may fetch
  Instant ask_again_;                // about wanted_
  Instant leave_by_;                 // after ShutdownRequested
  std::uint64_t epoch_ = 0;
  std::uint64_t session_ = 0;  // 0: no conversation
  Duration heartbeat_{};
  Duration lease_{};
  Instant lease_end_;    // for the executor
  Instant next_speech_;  // Hello or Heartbeat
  Instant last_heard_;
  std::uint64_t hello_number_ = 0;
  bool hello_answered_ = false;
  std::uint64_t early_session_ = 0;  // the newest that was heard of before its Welcome
  Instant hello_sent_;
  std::uint32_t hellos_ = 0;  // since the last answer
  std::uint64_t beat_ = 0;
  std::deque<Instant> beats_sent_;  // of the unanswered heartbeats, the last is number beat_
  std::optional<Error> refused_;
  bool offer_changed_ = false;  // since the broker was told
  std::uint64_t looked_ = 0;    // the last CheckContents that is to be answered
  bool shutting_down_ = false;
  bool said_leaving_ = false;
  bool said_goodbye_ = false;
};

}  // namespace landseer::worker
