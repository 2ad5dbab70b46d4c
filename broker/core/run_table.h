/// What happened to the tasks of one pipeline that were assigned at least once.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/protocol/added.h"
#include "common/protocol/client_rows.h"

namespace landseer::broker {

/// The history of a task that was assigned at least once.
struct TaskRun {
  std::vector<protocol::AttemptRow> attempts;  ///< the last one is live while `worker` is set
  WorkerId worker{};                           ///< that has the live attempt; none: nothing is live
  std::uint32_t failures = 0;                  ///< blamed on the task
  std::uint32_t losses = 0;
  std::uint32_t runtime_errors = 0;
  std::uint32_t returns = 0;
  std::uint32_t missing_inputs = 0;
  std::uint32_t reruns = 0;         ///< because its artifact was gone
  std::vector<WorkerId> failed_on;  ///< could not start it; at most kRuntimeErrorsMax
  bool cancel_requested = false;
  bool evaluation_skipped = false;
  bool kept = false;             ///< reopened only to keep the order; its artifact still counts
  std::uint64_t backoff_ms = 0;  ///< how long it was to wait after its last attempt
  Digest artifact;
  std::uint64_t artifact_bytes = 0;
  std::string metrics;
  Digest inputs;         ///< of its ancestors' artifacts when it was assigned; none without any
  Digest image_content;  ///< what its result was made with
  Digest dataset_content;
  TaskId cached_from{};  ///< whose result it has
  Digest checkpoint;     ///< left by an attempt that did not succeed
  std::uint64_t checkpoint_bytes = 0;

  bool live() const { return number(worker) != 0; }
  bool operator==(const TaskRun&) const = default;

  /// What a snapshot keeps of it.
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("attempts", m.attempts);
    visit("worker", m.worker);
    visit("failures", m.failures);
    visit("losses", m.losses);
    visit("runtime_errors", m.runtime_errors);
    visit("returns", m.returns);
    visit("missing_inputs", m.missing_inputs);
    visit("reruns", m.reruns);
    visit("failed_on", m.failed_on);
    visit("cancel_requested", m.cancel_requested);
    visit("evaluation_skipped", m.evaluation_skipped);
    visit("kept", m.kept);
    visit("backoff_ms", m.backoff_ms);
    visit("artifact", m.artifact);
    visit("artifact_bytes", m.artifact_bytes);
    visit("metrics", m.metrics);
    visit("inputs", protocol::added(m.inputs));
    visit("image_content", protocol::added(m.image_content));
    visit("dataset_content", protocol::added(m.dataset_content));
    visit("cached_from", protocol::added(m.cached_from));
    visit("checkpoint", protocol::added(m.checkpoint));
    visit("checkpoint_bytes", protocol::added(m.checkpoint_bytes));
  }
};

/// The runs of a pipeline, found by the task's id: those of a pipeline are numbered without gaps. A
/// run stays where it is. 4 bytes for each task from the first run on. Not thread-safe.
class RunTable {
 public:
  struct Entry {
    TaskId task{};
    TaskRun run;
  };

  /// Before anything else: which ids there may be.
  void prepare(TaskId first, std::size_t tasks) {
    first_ = first;
    tasks_ = tasks;
  }
  /// Makes one, if there is none yet.
  TaskRun& operator[](TaskId task);
  const TaskRun* find(TaskId task) const;
  TaskRun* find(TaskId task);

  /// Every entry, in the order in which they were made.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (std::size_t i = 0; i < size_; ++i) visit(at(i));
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t i = 0; i < size_; ++i) visit(at(i));
  }

 private:
  static constexpr std::size_t kBlock = 64;
  Entry& at(std::size_t place) const { return (*blocks_[place / kBlock])[place % kBlock]; }
  /// Where it is, from 1; 0: nowhere.
  std::uint32_t place_of(TaskId task) const;

  TaskId first_{};
  std::size_t tasks_ = 0;
  std::vector<std::uint32_t> places_;
  std::vector<std::unique_ptr<std::array<Entry, kBlock>>> blocks_;
  std::size_t size_ = 0;
};

}  // namespace landseer::broker
