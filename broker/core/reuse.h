/// Work that is done already, or under way for another pipeline, is not done again. Equal keys name
/// equal work; besides, what the image and the data set stand for must be the same, and so must the
/// inputs. docs/architecture.md, "Work is shared".
///
/// It decides; the changes are records, and the ledger makes them. Who has joined whom is not
/// remembered over a restart: it follows anew from what runs.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "broker/core/ledger.h"
#include "broker/core/state.h"

namespace landseer::broker {

/// How far the search for known results of one pipeline has come.
struct HitSearch {
  bool done = false;
  std::vector<TaskHit> found;  ///< dependencies first, each with whose result it is
  // The rest is between Reuse and itself.
  struct ImageMeaning {
    Digest content;  ///< none: nobody says
    /// It changed just now somewhere, or workers differ. Then no result of before is what it means.
    bool is_doubtful = false;
  };
  std::size_t next = 0;                          // place of the task to look at
  std::unordered_map<TaskId, Digest> artifacts;  // of those found
  std::map<std::string, ImageMeaning> images;
  Digest dataset;
  std::optional<bool> is_dataset_doubtful;
};

class Reuse {
 public:
  Reuse(State& state, Ledger& ledger) : state_(state), ledger_(ledger) {}

  /// What a pipeline's names stand for, as far as a connected worker can tell.
  void bind_contents(PipelineRecord& record, const Now& now, Outbox& out);
  /// Goes on looking for pending tasks whose results are known, for about so many looks at tasks.
  /// Nothing is changed: what is found in a later slice is what is known then.
  void find_hits(const PipelineRecord& record, HitSearch& search, std::uint64_t looks_max) const;
  /// The same for a pipeline that was accepted; completes what it finds.
  void take_hits(PipelineRecord& record, HitSearch& search, std::uint64_t looks_max, const Now& now,
                 Outbox& out);

  /// True if this ready task need not be placed: its result is known now, and it is completed; or
  /// another pipeline's task does the same work, and it waits for that.
  bool settle(const FoundTask& found, const Now& now, Outbox& out);
  /// The task of another pipeline that does the same work at this moment; none: no such.
  std::optional<TaskId> work_under_way(const FoundTask& found) const;
  /// The attempt of `leader` is over: those who waited for it get its result, fail with it, or look
  /// again, if it is to be tried again after `delay`.
  void attempt_ended(const FoundTask& leader, Duration delay, const Now& now, Outbox& out);
  /// Who goes on with a running task's attempt when its own pipeline gives it up; none: nobody
  /// wants it.
  std::optional<TaskId> heir(const FoundTask& leader) const;
  /// The attempt is about to go on for `heir`: its pipeline means what the attempt was begun with.
  void bind_heir(const FoundTask& leader, TaskId heir, const Now& now, Outbox& out);
  /// The attempt goes on for `heir`, and so do those who waited for it.
  void handed_over(TaskId leader, TaskId heir);
  /// How often the work failed that this task stands for, for all who want it together.
  std::uint32_t failures_of_work(const FoundTask& found) const;

  /// Whether nothing on the worker contradicts what the task's names stand for.
  bool has_contents(const PipelineRecord& record, const domain::Task& task,
                    const WorkerRecord& worker) const;
  /// What contradicts it, in words.
  std::string contradiction(const PipelineRecord& record, const domain::Task& task,
                            const WorkerRecord& worker) const;
  /// The task is about to be assigned there: what is not bound yet is what the worker has. True: it
  /// need not be, as in settle().
  bool bind_to(const FoundTask& found, const WorkerRecord& worker, const Now& now, Outbox& out);
  /// A worker said what images and data sets it has: the pipelines it works for are bound to that,
  /// if they are to nothing yet.
  void bind_by_worker(const WorkerRecord& worker, const Now& now, Outbox& out);
  /// An attempt's result says what it was made with. Empty: that is what the pipeline is bound to
  /// (now at the latest); else the reason why it does not count.
  std::string bind_by_result(const FoundTask& found, const protocol::AttemptResult& result,
                             const Now& now, Outbox& out);

 private:
  using ImageMeaning = HitSearch::ImageMeaning;
  /// What the task's image means: to its pipeline, or if it is bound to nothing, to the workers.
  ImageMeaning meaning_of(const PipelineRecord& record, const domain::Task& task) const;
  void bind_dataset(PipelineRecord& record, const Now& now, Outbox& out);
  bool is_dataset_doubtful(const PipelineRecord& record) const;

  bool waits_for(TaskId follower, TaskId leader) const;
  static bool is_same(const FoundTask& follower, const FoundTask& leader);
  /// Of a completed task, or one that was found; none: neither.
  static std::optional<Digest> artifact_of(const PipelineRecord& record, const HitSearch& search,
                                           TaskId task);
  static std::optional<std::vector<Digest>> inputs_of(const PipelineRecord& record,
                                                      const HitSearch& search,
                                                      const domain::Task& task);
  std::optional<TaskId> look_at(const PipelineRecord& record, HitSearch& search,
                                const domain::Task& task, std::uint64_t& looks) const;
  std::optional<TaskId> find_hit(const PipelineRecord& record, const domain::Task& task,
                                 const Digest& inputs, const Digest& image, const Digest& dataset,
                                 std::uint64_t& looks) const;
  bool is_available(const Digest& artifact) const;
  bool complete(const FoundTask& found, const Now& now, Outbox& out);
  bool join(const FoundTask& found);
  void spread(const FoundTask& completed, const Now& now, Outbox& out);
  void bind_like(PipelineRecord& record, const domain::Task& task, const TaskRun& run,
                 const Now& now, Outbox& out);

  State& state_;
  Ledger& ledger_;
  std::map<TaskId, std::set<TaskId>> followers_;  // by the task whose attempt they wait for
};

/// Hits that one record may name: far below the bound of a journal row.
inline constexpr std::size_t kHitsPerRecordMax = 4096;

}  // namespace landseer::broker
