/// The oracle: what the contract says must follow from what truly happened, in the plainest way. It
/// sees the records that are durable, what peers were told, and the processes that really ran; of
/// the broker's own decisions it believes nothing. Everything wrong is thrown as a Violation.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/core/records.h"
#include "broker/core/state.h"
#include "common/domain/types.h"
#include "tests/simulation/world.h"

namespace landseer::simulation {

/// How the first process of a tool ended, whoever ended it.
enum class ProcessEnd : std::uint8_t { kNone, kZero, kExitCode, kSignal, kStopped };

/// What work is done with; none: nobody can tell, or it needs none.
struct Contents {
  Digest image;
  Digest dataset;
  bool operator==(const Contents&) const = default;
};

/// One execution. Of an attempt that was handed over, what truly happened is kept where it began.
struct AttemptModel {
  protocol::AttemptRef key;  ///< what its worker calls it
  TaskId served{};           ///< the task that it is for; where it began
  std::uint32_t host = 0;
  std::uint32_t worker = 0;  ///< index
  bool live = false;         ///< by the records
  bool ran = false;          ///< a tool was started
  bool present = false;      ///< some process of it exists
  bool frozen = false;       ///< its host stood still meanwhile: it may overlap, but never count
  Contents bound;            ///< what it had to be done with when it was assigned
  Contents used;             ///< what it was prepared with
  bool captured = false;     ///< its output became an artifact
  ProcessEnd end = ProcessEnd::kNone;
  Instant started{};
  std::uint32_t cpus_milli = 0;
  std::vector<std::uint32_t> gpus;
  std::uint32_t gpu_milli_each = 0;
};

struct TaskModel {
  TaskPlace place;
  std::uint32_t pipeline = 0;  ///< index
  domain::TaskStatus status = domain::TaskStatus::kPending;
  std::uint32_t failures = 0;
  std::uint32_t work_failures = 0;  ///< at its last failure: of all who wanted the work
  std::uint32_t losses = 0;
  std::uint32_t runtime_errors = 0;
  std::uint32_t returns = 0;
  std::uint32_t missing_inputs = 0;
  std::uint32_t reruns = 0;
  bool cancel_requested = false;
  bool pruned = false;  ///< by a rule, or about to be
  bool kept = false;
  bool touched = false;
  bool fails_with_work = false;  ///< another pipeline's attempt at it was the last
  Instant not_before{};
  bool pauses_for_work = false;  ///< because another pipeline's attempt failed
  Digest artifact;
  Digest checkpoint;
  std::vector<Digest> inputs;  ///< of its last attempt, or of the result that it has
  Contents made_with;          ///< its result
  TaskId cached_from{};
  std::string metrics;  ///< that its result has
  bool evaluation_skipped = false;
  std::vector<AttemptModel> attempts;

  bool live() const { return !attempts.empty() && attempts.back().live; }
};

struct PipelineModel {
  PipelineId id{};
  std::uint32_t submission = 0;
  std::uint64_t first_task = 0;
  std::uint64_t first_workflow = 0;
  std::int64_t priority = 0;
  bool stopped = false;  ///< enough of it was complete
  std::set<std::uint32_t> cancelled_workflows;
  std::uint32_t open = 0;  ///< tasks that are not over
  bool cancel_requested = false;
  bool paused = false;
  std::set<std::string> paused_tools;
  std::set<std::uint32_t> paused_workflows;
  std::set<TaskId> paused_tasks;
  bool shares = false;
  std::map<std::string, Digest> contents;  ///< what its images are bound to; without name: its data
  bool retried = false;  ///< then an answer from before it says nothing about the present
};

class Model {
 public:
  explicit Model(World& world);

  // --- What the store has (model_records.cc) ---
  void durable(const broker::Record& record);

  // --- What truly runs (model_truth.cc) ---
  struct ToolStart {
    std::uint32_t host = 0;
    protocol::AttemptRef key;
    TaskPlace place;
    std::uint32_t cpus_milli = 0;
    std::uint32_t gpus_milli = 0;
    std::vector<std::uint32_t> gpus;
  };
  void prepared(const protocol::AttemptRef& key, const Contents& used);
  void tool_started(const ToolStart& start);
  void tool_ended(const protocol::AttemptRef& key, ProcessEnd end);
  void tool_captured(const protocol::AttemptRef& key);
  /// No process of the attempt is left.
  void tool_gone(const protocol::AttemptRef& key);
  void host_frozen(std::uint32_t host);
  void host_gone(std::uint32_t host);
  /// Something keeps this host from renewing its lease for so long.
  void trouble(std::uint32_t host, Duration length);
  void lease_over(std::uint32_t host, bool any_tool);

  // --- What was said (model_truth.cc) ---
  void heard(WorkerId worker);
  /// A new conversation begins, after so many records of this turn.
  void said_hello(std::uint32_t host, std::size_t records);
  /// What a worker has, as far as it says; from now on.
  void offered(const std::string& uid, const std::vector<protocol::ImageOffer>& images,
               const std::vector<protocol::DatasetOffer>& datasets);
  /// After so many records of this turn, a worker may remove these.
  void said_release(std::size_t records, const std::vector<Digest>& artifacts);
  void artifact_removed(std::uint32_t host, const Digest& artifact);
  void told_worker(std::uint32_t host, const protocol::ToWorker& message);
  void told_client(const protocol::ToClient& message);
  void acknowledged_submission(std::uint32_t submission, PipelineId pipeline);
  void acknowledged_cancel(PipelineId pipeline, TaskId task);
  /// While one is asked for, either is right.
  void asked_to_pause(PipelineId pipeline) { pauses_.erase(pipeline); }
  void acknowledged_pause(PipelineId pipeline, bool paused) { pauses_[pipeline] = paused; }
  void acknowledged_result(const protocol::AttemptRef& key);
  void shown_terminal(PipelineId pipeline, protocol::PipelineState state);

  // --- Looking at the broker (model_checks.cc) ---
  /// The tasks whose records came since the last look.
  void check_touched(const broker::State& state);
  /// Everything. O(everything).
  void check_all(const broker::State& state);
  /// After a recovery: everything, and that nothing acknowledged is missing.
  void check_recovered(const broker::State& state);
  /// At the end, when nothing is under way any more.
  void check_rest(const broker::State& state);

  /// Somebody has the artifact, or may come back with it.
  static bool is_available(const broker::State& state, const Digest& artifact);
  bool all_over() const;
  /// A task that waits for the attempt of another one, and that one; none: no such.
  std::optional<std::pair<TaskId, TaskId>> some_joined(Random& random) const;
  std::uint32_t submission_of(TaskId id) { return task(id).place.submission; }
  Instant last_progress() const { return last_progress_; }
  std::uint64_t records() const { return records_; }
  void started_epoch(std::uint64_t epoch) { epoch_ = epoch; }
  std::string describe_open() const;
  TaskId first_task(PipelineId pipeline) const {
    return TaskId{pipelines_.at(number(pipeline) - 1).first_task};
  }
  WorkflowId first_workflow(PipelineId pipeline) const {
    return WorkflowId{pipelines_.at(number(pipeline) - 1).first_workflow};
  }

 private:
  void on(const broker::PipelineAdded& r);
  void on(const broker::WorkerAdded& r);
  void on(const broker::AttemptAssigned& r);
  void on(const broker::AttemptEnded& r);
  void on(const broker::TaskReopened& r);
  void on(const broker::TaskKept& r);
  void on(const broker::TaskFailed& r);
  void on(const broker::CancelRequested& r);
  void on(const broker::PipelineForgotten& r);
  void on(const broker::WorkerForgotten& r);
  void on(const broker::RetryRequested& r);
  void on(const broker::PauseChanged& r);
  void on(const broker::WorkerDrained& r);
  void on(const broker::WorkerBound& r);
  void on(const broker::ContentBound& r);
  void on(const broker::TasksCached& r);
  void on(const broker::AttemptHandedOver& r);
  void on(const broker::PriorityChanged& r);
  void on(const broker::TasksPruned& r);
  void on(const broker::PartPauseChanged& r);

  // Parts and rules (model_parts.cc).
  using Indices = std::set<std::uint32_t>;
  /// By the part it belongs to. One whose artifact is kept has nothing left to do.
  bool is_held_back(const TaskModel& task) const;
  static void forget_pauses(PipelineModel& pipeline);
  const protocol::Submission& content_of(const PipelineModel& pipeline) const;
  TaskModel& member(const PipelineModel& pipeline, std::uint32_t index);
  bool is_open(const PipelineModel& pipeline, std::uint32_t index);
  Indices named_workflows(const PipelineModel& pipeline,
                          const std::vector<protocol::WorkflowRange>& ranges) const;
  std::uint64_t complete_workflows(const PipelineModel& pipeline);
  Indices ending_with(const PipelineModel& pipeline, const Indices& named);
  Indices everything_open(const PipelineModel& pipeline);
  void give_up(const PipelineModel& pipeline, const Indices& ending, bool pruned);
  void cancel_part(const broker::CancelRequested& r);
  void retry_part(const broker::RetryRequested& r);
  std::optional<double> metric_of(const PipelineModel& pipeline, std::uint32_t evaluation,
                                  const std::string& metric);
  std::uint32_t evaluated_by(const PipelineModel& pipeline, std::uint32_t evaluation) const;
  std::pair<std::uint32_t, Indices> judgement(const PipelineModel& pipeline,
                                              std::uint32_t evaluation);
  void note_evaluation(const TaskModel& owner);
  void check_rules();
  void check_pipelines(const broker::State& state);

  void forgive_hosts();
  // Work that pipelines share (model_reuse.cc).
  std::vector<Digest> inputs_of(const TaskModel& task);
  const std::vector<std::uint32_t>& equal_work(const TaskModel& task) const;
  bool is_cancelled(const TaskModel& task) const;
  bool has_inputs_of(const TaskModel& follower, const TaskModel& leader);
  std::uint32_t failures_of_work(const TaskModel& task) const;
  bool is_noop(const TaskModel& task) const { return world_.workload.fate(task.place).noop; }
  Contents pick(const std::map<std::string, Digest>& from, const TaskModel& task) const;
  /// What the task must be done with, by its pipeline.
  Contents bound(const TaskModel& task) const;
  /// What the worker says that it would be done with there.
  Contents offered(std::size_t worker, const TaskModel& task) const;
  bool workers_differ(const TaskModel& task) const;
  bool knows_image(const TaskModel& task, const Digest& content) const;
  void check_worker(const TaskModel& task, std::size_t worker, const std::string& who) const;
  bool agree(const TaskModel& a, const TaskModel& b) const;
  void check_made_with(const TaskModel& owner, const AttemptModel& process,
                       const protocol::AttemptResult& result) const;
  void judge_releases();
  bool is_needed(const Digest& artifact);
  void check_assigned_once(TaskModel& owner);
  void check_suspects(const broker::State& state);
  void follow_end(const TaskModel& leader, broker::Decision decision, std::uint64_t delay_ms);
  std::optional<TaskId> heir_of(const TaskModel& leader);
  void expect_handover(TaskModel& cancelled);
  bool may_have_joined(TaskId leader, TaskId follower);
  void check_due();
  void note_joined(const broker::State& state);
  void check_held(const broker::State& state, TaskId id) const;
  void check_stop(const protocol::AttemptRef& key, std::uint32_t host);
  void check_cached(const broker::State& state) const;

  TaskModel& task(TaskId id);
  AttemptModel& attempt(const protocol::AttemptRef& key);
  TaskModel& neighbour(const TaskModel& of, std::uint32_t index);
  TaskId id_of(const TaskModel& task) const;
  void set_status(TaskModel& task, domain::TaskStatus status);
  void skip_dependents(TaskModel& root);
  void check_outcome(const TaskModel& task, const AttemptModel& attempt,
                     const protocol::AttemptResult& result) const;
  broker::Decision expected_decision(TaskModel& task, const protocol::AttemptResult& result);
  void count_outcome(TaskModel& task, std::uint32_t worker, const protocol::AttemptResult& result);
  void make_pending_again(TaskModel& task);
  bool is_lost(const TaskModel& task) const;
  bool dependencies_completed(const TaskModel& task);
  void check_capacity(std::uint32_t host) const;
  void check_assignment(std::uint32_t host, const protocol::Assign& message,
                        const protocol::Assignment& assignment);
  void check_task(const broker::State& state, std::size_t index);
  void check_priorities(const broker::State& state);
  void check_justified(TaskModel& task);
  void check_acknowledgements(const broker::State& state);

  World& world_;
  std::uint64_t epoch_ = 0;
  std::vector<TaskModel> tasks_;                           ///< by id - 1
  std::map<TaskPlace, std::vector<std::uint32_t>> works_;  ///< tasks that do the same
  std::map<TaskId, TaskId> joined_;                        ///< who waits for whose attempt
  std::map<TaskId, TaskId> due_handovers_;                 ///< from whom to whom, as next record
  std::vector<TaskId> due_evaluations_;  ///< completed in this turn, where there are rules
  std::vector<TaskId> due_failures_;     ///< they waited for work that failed: the next records
  /// Assigned in this turn, though a result was known, which counts if somebody has the artifact.
  struct Suspect {
    TaskId assigned{};
    TaskId known{};
    Digest artifact;
  };
  std::vector<Suspect> suspects_;
  std::vector<std::pair<std::size_t, Digest>> releases_;         ///< of this turn: when, and what
  std::vector<std::string> uids_;                                ///< by worker id - 1
  std::map<std::string, std::map<std::string, Digest>> offers_;  ///< by uid and name
  std::vector<std::pair<std::string, std::map<std::string, Digest>>> new_offers_;  ///< of this turn
  std::vector<PipelineModel> pipelines_;
  std::vector<std::uint32_t> hosts_;  ///< by worker id - 1
  std::vector<std::uint32_t> host_failures_;
  std::vector<std::uint32_t> touched_;
  std::vector<TaskId> assigned_;                               ///< since the last look
  std::vector<std::pair<std::size_t, std::uint32_t>> hellos_;  ///< of this turn: when, and who
  std::size_t turn_records_ = 0;
  bool reopened_ = false;                                  ///< something was, since the last look
  std::vector<std::pair<TaskId, std::uint32_t>> present_;  ///< attempts with processes
  std::vector<Instant> heard_;                             ///< by worker id - 1
  struct Trouble {
    Instant end{};
    Duration sum{};  ///< since the last quiet lease
  };
  std::array<Trouble, 32> troubles_{};
  Instant last_progress_{};
  std::uint64_t records_ = 0;
  std::uint64_t next_workflow_ = 1;

  // The ledger of acknowledgements: what peers were told and have received.
  std::map<std::uint32_t, PipelineId> submissions_;
  std::set<WorkerId> drained_;
  std::map<PipelineId, bool> pauses_;  ///< only while no other request about it is open
  std::vector<std::pair<PipelineId, TaskId>> cancels_;
  std::vector<protocol::AttemptRef> results_;
  std::map<PipelineId, protocol::PipelineState> terminal_;
};

/// `task_7, attempt 2`, for messages.
std::string name(const protocol::AttemptRef& key);

}  // namespace landseer::simulation
