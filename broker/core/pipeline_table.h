/// The pipelines the broker knows, and what happened to their tasks. The only owner of both.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/pauses.h"
#include "broker/core/run_table.h"
#include "common/domain/key_index.h"
#include "common/domain/priority_scheduler.h"
#include "common/domain/stop_rule.h"
#include "common/domain/task_key.h"
#include "common/protocol/client_rows.h"

namespace landseer::broker {

/// What a rule did; see protocol::PruningRow.
struct Pruning {
  std::uint64_t times = 0;
  std::uint64_t tasks = 0;
  std::uint64_t saved_ms = 0;
  std::uint64_t gpu_ms = 0;
  std::uint64_t unknown = 0;
  bool operator==(const Pruning&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("times", m.times);
    visit("tasks", m.tasks);
    visit("saved_ms", m.saved_ms);
    visit("gpu_ms", m.gpu_ms);
    visit("unknown", m.unknown);
  }
};

/// When a pipeline has done enough, and what that saved so far.
struct StopRules {
  std::uint64_t after = 0;  ///< complete workflows; 0: all
  std::vector<domain::StopRule> when;
  std::vector<Pruning> prunings;  ///< of `after`, then of each rule
  // The rest follows from the results; for people.
  std::set<std::string> asked;     ///< metrics of the rules that nobody reported yet
  std::set<std::string> reported;  ///< some that were
  std::uint64_t evaluations = 0;   ///< that ran
  std::uint64_t skipped = 0;       ///< of which nothing can be said

  bool any() const { return after > 0 || !when.empty(); }
  /// `stop_after` is done with: it held.
  bool stopped() const { return !prunings.empty() && prunings[0].times > 0; }
};

/// Needs an image: all but those of the built-in runtime and those that name none.
bool has_image(const domain::Task& task);

/// Of a tool's tasks, how many are pending or running.
struct ToolLeft {
  const domain::ToolDefinition* tool = nullptr;
  std::uint64_t left = 0;
};

struct PipelineRecord {
  domain::PipelinePtr pipeline;
  std::unique_ptr<domain::PriorityScheduler> scheduler;
  domain::KeyContext key_context;
  TaskId first_task{};  ///< the lowest id of its tasks; none if it has none
  std::string submission_id;
  std::string owner;         ///< whose key submitted it; empty: there were none
  Digest submission_digest;  ///< of the encoded body: the same id with other content is refused
  std::string policy;
  std::int64_t priority = 0;
  bool use_cache = true;
  std::map<std::string, Digest> image_contents;  ///< what its images are bound to
  Digest dataset_content;                        ///< what its data set is bound to
  std::uint64_t task_instances = 0;
  std::uint64_t evaluations = 0;
  std::int64_t submitted_at = 0;
  std::int64_t first_started_at = 0;
  std::int64_t finished_at = 0;
  std::uint64_t version = 1;  ///< grows with every visible change
  std::uint64_t workflows_completed = 0;
  std::uint64_t cached = 0;
  std::uint64_t pruned = 0;  ///< tasks that are cancelled because of a rule
  bool cancel_requested = false;
  bool paused = false;  ///< gets no new attempts; only while it is not terminal
  Pauses pauses;        ///< parts that get none; the scheduler knows of which tasks
  /// When something of it was last assigned, or nothing was ready: placement's, and not stored.
  Instant served_at;
  RunTable runs;
  StopRules stop;
  std::set<std::uint32_t> cancelled_workflows;    ///< by index: no longer wanted by the user
  std::vector<std::uint32_t> workflow_remaining;  ///< tasks not completed, by workflow index
  std::array<protocol::StageCounts, 5> stages{};
  std::vector<ToolLeft> tools;  ///< in the order of the tasks
  std::unordered_map<const domain::ToolDefinition*, std::uint32_t> tool_index;  ///< looked up only
  std::map<std::uint32_t, std::uint64_t> open_requests;  ///< tasks that are not over, by request

  PipelineId id() const { return pipeline->id; }
  bool terminal() const { return scheduler->is_complete(); }
  protocol::PipelineState state() const;
  /// Where a workflow is in the pipeline's list; none: it belongs to another one.
  std::optional<std::uint32_t> index_of(WorkflowId workflow) const;
  /// The run of a task, or null if it was never assigned.
  const TaskRun* find_run(TaskId task) const;
  /// What this task's image is bound to; none: nothing yet, or it has none.
  Digest image_content(const domain::Task& task) const;
  /// Names the artifacts that `task` would read now, in order; none without ancestors.
  Digest inputs_of(const domain::Task& task) const;
  /// All tasks whose outputs `task` sees, oldest first. O(ancestors * log).
  std::vector<TaskId> ancestors(const domain::Task& task) const;
  /// Keeps the counts of stages, tools and workflows; called for every status change of a task.
  void count_change(const domain::Task& task, domain::TaskStatus from);
};

struct FoundTask {
  PipelineRecord* record = nullptr;
  domain::TaskPtr task = nullptr;
};

class PipelineTable {
 public:
  PipelineRecord& add(std::unique_ptr<PipelineRecord> record);
  PipelineRecord* find(PipelineId id);
  const PipelineRecord* find(PipelineId id) const;
  /// Each owner has ids of its own.
  PipelineRecord* find_submission(const std::string& submission_id, const std::string& owner = {});
  /// The pipeline that owns a task id, and the task. O(log n).
  std::optional<FoundTask> find_task(TaskId id) const;
  /// The pipeline that a workflow belongs to, or null. O(log n).
  PipelineRecord* find_workflow(WorkflowId id) const;
  const std::map<PipelineId, std::unique_ptr<PipelineRecord>>& all() const { return records_; }

  /// Pipelines that are not terminal, best first: priority, then submission order.
  const std::set<std::pair<std::int64_t, PipelineId>>& active() const { return active_; }
  void retire(const PipelineRecord& record);
  void revive(const PipelineRecord& record);
  void set_priority(PipelineRecord& record, std::int64_t priority);
  /// Finished ones that are not in the history yet.
  const std::set<PipelineId>& unarchived() const { return unarchived_; }
  void archived(PipelineId id) { unarchived_.erase(id); }

  const domain::KeyIndex& keys() const { return keys_; }
  std::uint64_t live_tasks() const { return live_tasks_; }
  std::uint64_t live_tasks_of(const std::string& owner) const;
  std::uint64_t tasks() const { return tasks_; }
  /// The oldest pipeline that is over; none if all still run. O(number of unfinished ones).
  std::optional<PipelineId> oldest_finished() const;
  /// Whether one of them has this model script. O(pipelines).
  bool uses_script(const Digest& script) const;
  /// Forgets a finished pipeline and its tasks.
  void forget(PipelineId id);

 private:
  static std::pair<std::int64_t, PipelineId> order(const PipelineRecord& record) {
    return {-record.priority, record.id()};
  }

  std::map<PipelineId, std::unique_ptr<PipelineRecord>> records_;
  std::map<TaskId, PipelineRecord*> by_first_task_;
  std::map<WorkflowId, PipelineRecord*> by_first_workflow_;
  std::map<std::pair<std::string, std::string>, PipelineRecord*> by_submission_;  // owner, id
  std::set<std::pair<std::int64_t, PipelineId>> active_;
  std::set<PipelineId> unarchived_;
  domain::KeyIndex keys_;
  std::uint64_t live_tasks_ = 0;
  std::unordered_map<std::string, std::uint64_t> live_by_owner_;
  std::uint64_t tasks_ = 0;
};

}  // namespace landseer::broker
