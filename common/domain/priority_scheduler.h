/// The scheduler that the library offers and the broker runs: a policy gives each task a rank, the
/// ready task of lowest rank is next, insertion order breaks ties. Every operation but the listings
/// is O(log n) per task touched, besides what a live policy costs. Not thread-safe.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/base/time.h"
#include "common/domain/policy.h"
#include "common/domain/ready_queue.h"
#include "common/domain/scheduler.h"

namespace landseer::domain {

class PriorityScheduler final : public Scheduler {
 public:
  /// Statuses that tasks already have are kept, so a scheduler over a half-done pipeline goes on
  /// where it stood. Fails with kInvalid for a cycle, a dependency outside the pipeline or a
  /// repeated task id. Without a policy: `landseer`.
  static Result<std::unique_ptr<PriorityScheduler>> create(PipelinePtr pipeline,
                                                           std::unique_ptr<Policy> policy = {});

  TaskPtr get_next_task() override;
  Result<Consequences> update_task_status(TaskId id, TaskStatus status,
                                          std::string reason = {}) override;
  bool is_complete() const override { return progress_.pending + progress_.running == 0; }
  Progress get_progress() const override { return progress_; }
  std::vector<TaskPtr> get_ready_tasks_by_priority() const override;
  Result<TaskPriorityInfo> get_task_priority_info(TaskId id) const override;
  std::map<std::uint32_t, std::vector<TaskPtr>> get_priority_levels() const override;

  // What a distributed owner needs beyond the original's operations.

  /// The task with this id, or null.
  TaskPtr find_task(TaskId id) const;
  /// Where it is in the pipeline's list of tasks.
  std::optional<std::uint32_t> index_of(TaskId id) const;
  /// Starts over from the statuses the tasks have now: whoever set them read them from a store.
  void reload_statuses();
  /// The best ready task of one request index, or null; it stays ready.
  TaskPtr peek(std::uint32_t request) const;
  /// Its position, and a rank for merging several requests in policy order.
  std::optional<ReadyQueue::Entry> peek_entry(std::uint32_t request) const;
  /// Where this ready task stands, in the order of peek_entry().
  std::optional<ReadyQueue::Entry> entry_of(TaskId id) const;
  /// Ready tasks of one request, best first: at most `most`, and only those before `end`, if given.
  /// O(most).
  std::vector<ReadyQueue::Entry> first_entries(std::uint32_t request, std::size_t most,
                                               std::optional<ReadyQueue::Entry> end) const;
  /// What is below a task: nothing; tasks that are all over; or some that are not, which is also
  /// the answer when `looks`, which is counted down by each task looked at, runs out.
  enum class Below : std::uint8_t { kNothing, kOver, kOpen };
  Below look_below(TaskId id, std::size_t& looks) const;
  std::span<const std::uint32_t> requests() const { return ready_.requests(); }
  /// Pending, with every dependency completed, and not held.
  bool is_ready(TaskId id) const;
  /// Requeued with `held` and not released since.
  bool is_held(TaskId id) const;
  std::size_t ready_count() const { return ready_.size(); }
  /// A paused task is not ready before it is resumed, whatever else happens to it.
  void set_paused(TaskId id, bool paused);
  bool is_paused(TaskId id) const;
  /// Nothing is paused any more. O(tasks) if something was.
  void resume_all();
  /// Pending ones that are paused.
  std::uint64_t paused_count() const { return paused_pending_; }

  /// A ready task begins to run. kConflict if it is not ready.
  Result<void> start(TaskId id);
  /// A running task goes back to pending. `held`: not ready before release(). If a dependency ended
  /// otherwise than completed meanwhile, the task is skipped instead, with its dependents.
  Result<Consequences> requeue(TaskId id, bool held = false);
  /// A pending task fails without running.
  Result<Consequences> fail_pending(TaskId id, std::string reason);
  /// A ready task leaves the ready queue before release().
  Result<void> hold(TaskId id);
  /// A held task becomes ready.
  Result<void> release(TaskId id);
  /// A ready task is completed without running.
  Result<Consequences> complete_cached(TaskId id);
  /// A completed task runs again because its artifact is gone; what waits for it waits again.
  Result<void> reopen(TaskId id);
  /// Ends a pending or running task by a user's wish. Dependents are skipped.
  Result<Consequences> cancel(TaskId id, std::string reason);
  /// The same for everything pending; running tasks are left to the caller.
  std::vector<TaskPtr> cancel_pending(const std::string& reason);

  /// A failed, skipped or cancelled task is pending again, and with it those skipped because of it
  /// that nothing else keeps from running. Returns them, dependencies first. kConflict, with the
  /// task to retry instead, if a dependency ended otherwise than completed.
  Result<std::vector<TaskPtr>> retry(TaskId id);
  /// The same for all failed tasks and, if wanted, the cancelled ones. O(tasks).
  std::vector<TaskPtr> retry_all(bool cancelled);
  /// What the two would return; nothing changes.
  Result<std::vector<TaskPtr>> retryable(TaskId id) const;
  std::vector<TaskPtr> retryable_all(bool cancelled) const;

  // Parts of a pipeline (priority_scheduler_part.cc).

  /// What depends on a task directly, in insertion order.
  std::vector<TaskPtr> dependents_of(TaskId id) const;
  /// What depends on these, directly or not, in insertion order.
  std::vector<TaskPtr> below(std::span<const TaskPtr> roots) const;
  /// Pending tasks are cancelled together; what else depends on them is skipped.
  Consequences cancel_tasks(std::span<const TaskPtr> tasks, const std::string& reason, bool pruned);
  /// Those of the part that are failed, skipped or cancelled are pending again, and what was
  /// skipped below them, unless something above one is lost and stays so. Returns them,
  /// dependencies first.
  std::vector<TaskPtr> retry_part(std::span<const TaskPtr> part);
  /// What that would return; nothing changes.
  std::vector<TaskPtr> retryable_part(std::span<const TaskPtr> part) const;

  /// How long tasks of a tool take: live policies rank by it. Costs as much as ranking those tasks.
  void expect(const std::string& tool, Duration expected);
  /// Whether priorities follow statuses and expected times.
  bool is_live() const { return live_; }

  /// The ids of all tasks grew by so much, and request `i` is `requests[i]` now; see renumber().
  void renumbered(std::uint64_t by, std::span<const std::uint32_t> requests);

  const Pipeline& pipeline() const { return *pipeline_; }
  std::string_view policy_name() const { return policy_->name(); }

 private:
  static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};
  struct Node {
    std::int64_t rank = 0;
    std::uint32_t waiting = 0;  // dependencies not completed yet; kept while not terminal
    bool held = false;
    bool paused = false;
  };

  PriorityScheduler(PipelinePtr pipeline, std::unique_ptr<Policy> policy);

  Result<void> index_tasks();
  Result<void> link_dependencies();
  Result<std::vector<std::uint32_t>> topological_order() const;
  void gather_facts(const std::vector<std::uint32_t>& order);
  void rank_tasks();
  void settle_initial_statuses(const std::vector<std::uint32_t>& order);

  Result<std::uint32_t> require(TaskId id) const;
  Task& task(std::uint32_t index) const { return *pipeline_->tasks[index]; }
  bool is_ready(std::uint32_t index) const;
  ReadyQueue::Entry entry(std::uint32_t index) const { return {nodes_[index].rank, index}; }
  std::uint64_t& counter(TaskStatus status);
  void move(std::uint32_t index, TaskStatus to);
  void finish(std::uint32_t index, TaskStatus to, std::string reason, Consequences& out);
  void skip(std::uint32_t index, const std::string& reason, Consequences& out);
  void skip_dependents(std::uint32_t root, Consequences& out);
  std::string blame(std::uint32_t root) const;
  void touch(std::uint32_t index);
  void announce();
  void take(const Policy::Changes& changes);
  void add_ready(std::uint32_t index);
  void remove_ready(std::uint32_t index);
  std::optional<std::int64_t> guard() const;
  ReadyQueue::Entry urgent_entry(std::uint32_t index) const { return {-paths_[index], index}; }
  using WantedStatuses = std::initializer_list<TaskStatus>;
  std::vector<std::uint32_t> plan_retry(std::vector<std::uint32_t> roots,
                                        WantedStatuses wanted) const;
  std::vector<std::uint32_t> plan_retry_all(bool cancelled) const;
  Result<std::vector<std::uint32_t>> plan_retry_one(TaskId id) const;
  std::vector<std::uint32_t> plan_retry_part(std::span<const TaskPtr> part) const;
  std::vector<TaskPtr> revive(const std::vector<std::uint32_t>& plan);
  std::vector<TaskPtr> tasks_of(const std::vector<std::uint32_t>& plan) const;
  /// A dependency that ended otherwise than completed.
  std::optional<std::uint32_t> lost_dependency(std::uint32_t index) const;

  PipelinePtr pipeline_;
  std::unique_ptr<Policy> policy_;
  std::vector<Node> nodes_;  // parallel to pipeline_->tasks
  Adjacency dependents_;
  std::vector<TaskFacts> facts_;
  TaskId first_id_{};                     // the lowest
  std::vector<std::uint32_t> positions_;  // by id, from that one on: where it is, or kNowhere
  ReadyQueue ready_;
  Progress progress_;
  std::uint64_t paused_ = 0;
  std::uint64_t paused_pending_ = 0;
  // The rest is for live policies, and empty for others.
  bool live_ = false;
  ReadyQueue urgent_;                // what is ready, the longest path first
  std::vector<std::int64_t> paths_;  // parallel to pipeline_->tasks
  std::vector<std::uint32_t> touched_;
  Policy::Changes changed_;  // reused
};

}  // namespace landseer::domain
