/// What the store must remember: facts, in the order they were decided. Everything anyone was told
/// follows from them. Appended and synced before a message leaves; see broker/core/outbox.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/protocol/added.h"
#include "common/protocol/attempt.h"
#include "common/protocol/selection.h"
#include "common/protocol/submission.h"

namespace landseer::broker {

struct PipelineAdded {
  PipelineId pipeline{};
  std::int64_t submitted_at = 0;
  Digest digest;  ///< of `body`
  /// Encoded protocol::Submission. Not part of the record's own encoding: the store keeps it beside
  /// the journal, once, however long the pipeline lives.
  std::string body;
  std::string owner{};  ///< whose key submitted it; empty: there were none
  bool operator==(const PipelineAdded& other) const {
    return pipeline == other.pipeline && submitted_at == other.submitted_at &&
           digest == other.digest && owner == other.owner;
  }
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("submitted_at", m.submitted_at);
    visit("digest", m.digest);
    visit("owner", protocol::added(m.owner));
  }
};

/// Workers are numbered in the order of these records.
struct WorkerAdded {
  std::string uid;
  std::string name;
  std::string key{};  ///< the name of the key that it has ever since; empty: see WorkerBound
  bool operator==(const WorkerAdded&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("uid", m.uid);
    visit("name", m.name);
    visit("key", protocol::added(m.key));
  }
};

struct AttemptAssigned {
  protocol::AttemptRef attempt;
  WorkerId worker{};
  std::int64_t at = 0;  ///< Unix milliseconds, as all times here
  bool operator==(const AttemptAssigned&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("attempt", m.attempt);
    visit("worker", m.worker);
    visit("at", m.at);
  }
};

/// What became of a task whose attempt ended. Numbers are in the journal: append only.
enum class Decision : std::uint8_t { kComplete = 1, kAgain = 2, kFail = 3, kCancel = 4 };
constexpr Decision last_of(Decision) { return Decision::kCancel; }

/// The decision is a fact, too: a later version may decide otherwise, but not about the past.
struct AttemptEnded {
  protocol::AttemptResult result;
  Decision decision = Decision::kAgain;
  std::string reason;          ///< the task's, in words; empty if it goes on
  std::uint64_t delay_ms = 0;  ///< with kAgain: not before
  std::int64_t at = 0;
  std::string device{};  ///< with kComplete: where it ran; see tool_times.h
  bool operator==(const AttemptEnded&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("result", m.result);
    visit("decision", m.decision);
    visit("reason", m.reason);
    visit("delay_ms", m.delay_ms);
    visit("at", m.at);
    visit("device", protocol::added(m.device));
  }
};

/// A completed task is pending again: its artifact is gone; or, with `kept`, only to keep the
/// order.
struct TaskReopened {
  TaskId task{};
  bool kept = false;
  bool operator==(const TaskReopened&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("kept", m.kept);
  }
};

/// A task that was reopened with `kept` is completed as it was.
struct TaskKept {
  TaskId task{};
  std::int64_t at = 0;
  bool operator==(const TaskKept&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("at", m.at);
  }
};

/// A ready task fails without an attempt.
struct TaskFailed {
  TaskId task{};
  std::string reason;
  std::int64_t at = 0;
  bool operator==(const TaskFailed&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("reason", m.reason);
    visit("at", m.at);
  }
};

/// Exactly one of the first two is not 0. With a tool or workflows: only those of the pipeline.
struct CancelRequested {
  PipelineId pipeline{};
  TaskId task{};
  std::int64_t at = 0;
  std::string tool{};
  std::vector<protocol::WorkflowRange> workflows{};
  bool operator==(const CancelRequested&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("task", m.task);
    visit("at", m.at);
    visit("tool", protocol::added(m.tool));
    visit("workflows", protocol::added(m.workflows));
  }
};

/// A finished pipeline made room for new ones.
struct PipelineForgotten {
  PipelineId pipeline{};
  bool operator==(const PipelineForgotten&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
  }
};

/// A worker that is gone made room for a new one.
struct WorkerForgotten {
  WorkerId worker{};
  bool operator==(const WorkerForgotten&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("worker", m.worker);
  }
};

/// A user wants tasks that are over to run again. Exactly one of the first two is not 0. With a
/// tool, workflows or `pruned`: only those of the pipeline.
struct RetryRequested {
  PipelineId pipeline{};
  TaskId task{};
  std::int64_t at = 0;
  std::string tool{};
  std::vector<protocol::WorkflowRange> workflows{};
  bool pruned = false;
  bool operator==(const RetryRequested&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("task", m.task);
    visit("at", m.at);
    visit("tool", protocol::added(m.tool));
    visit("workflows", protocol::added(m.workflows));
    visit("pruned", protocol::added(m.pruned));
  }
};

/// A user holds a pipeline back, or lets it go on.
struct PauseChanged {
  PipelineId pipeline{};
  bool paused = false;
  std::int64_t at = 0;
  bool operator==(const PauseChanged&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("paused", m.paused);
    visit("at", m.at);
  }
};

/// From now on the pipeline's tasks mean this content by the name. Without `image`: its data set.
struct ContentBound {
  PipelineId pipeline{};
  std::string image;
  Digest content;
  bool operator==(const ContentBound&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("image", m.image);
    visit("content", m.content);
  }
};

/// `task` has the result of `from`, a completed task of another pipeline with the same key.
struct TaskHit {
  TaskId task{};
  TaskId from{};
  bool operator==(const TaskHit&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("from", m.from);
  }
};

/// Pending tasks of one pipeline are completed without running; dependencies come first.
struct TasksCached {
  PipelineId pipeline{};
  std::vector<TaskHit> tasks;  ///< at most kHitsPerRecordMax
  std::int64_t at = 0;
  bool operator==(const TasksCached&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("tasks", m.tasks);
    visit("at", m.at);
  }
};

/// `from` is cancelled while it runs, but its attempt goes on for `to`, which waits for the same
/// work.
struct AttemptHandedOver {
  TaskId from{};
  TaskId to{};
  std::int64_t at = 0;
  bool operator==(const AttemptHandedOver&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("from", m.from);
    visit("to", m.to);
    visit("at", m.at);
  }
};

/// A user wants this worker to get no new attempts, or to get some again.
struct WorkerDrained {
  WorkerId worker{};
  bool drained = true;
  bool recalled = false;  ///< what it has is given back, too
  std::int64_t at = 0;
  bool operator==(const WorkerDrained&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("worker", m.worker);
    visit("drained", m.drained);
    visit("recalled", m.recalled);
    visit("at", m.at);
  }
};

/// A user moves a pipeline up or down among the others.
struct PriorityChanged {
  PipelineId pipeline{};
  std::int64_t priority = 0;
  std::int64_t at = 0;
  bool operator==(const PriorityChanged&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("priority", m.priority);
    visit("at", m.at);
  }
};

/// A rule of a pipeline gave tasks up: the pending ones are cancelled, the running ones as soon as
/// their attempts are stopped. One decision may take several records.
struct TasksPruned {
  PipelineId pipeline{};
  std::uint32_t rule = 0;     ///< 0: stop_after; else the place in stop_when, from 1
  bool first = true;          ///< record of its decision
  TaskId evaluation{};        ///< whose metrics the rule held for; none: stop_after
  std::vector<TaskId> tasks;  ///< at most kPrunedPerRecordMax
  std::string reason;
  std::uint64_t saved_ms = 0;  ///< expected time of these tasks
  std::uint64_t gpu_ms = 0;
  std::uint64_t unknown = 0;  ///< tasks of which nobody knows how long they take
  std::int64_t at = 0;
  bool operator==(const TasksPruned&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("rule", m.rule);
    visit("first", m.first);
    visit("evaluation", m.evaluation);
    visit("tasks", m.tasks);
    visit("reason", m.reason);
    visit("saved_ms", m.saved_ms);
    visit("gpu_ms", m.gpu_ms);
    visit("unknown", m.unknown);
    visit("at", m.at);
  }
};

/// A worker that was added when there were no keys said Hello with one: it has that key from now
/// on.
struct WorkerBound {
  WorkerId worker{};
  std::string key;  ///< its name
  bool operator==(const WorkerBound&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("worker", m.worker);
    visit("key", m.key);
  }
};

/// Tasks that one record may prune: far below the bound of a journal row.
inline constexpr std::size_t kPrunedPerRecordMax = 4096;

/// A user holds a part of a pipeline back, or lets it go on. One of the task, the tool and the
/// workflows; to let it go on, none of them means whatever is paused, the pipeline included.
struct PartPauseChanged {
  PipelineId pipeline{};
  TaskId task{};
  std::string tool;
  std::vector<protocol::WorkflowRange> workflows;
  bool paused = false;
  std::int64_t at = 0;
  bool operator==(const PartPauseChanged&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("task", m.task);
    visit("tool", m.tool);
    visit("workflows", m.workflows);
    visit("paused", m.paused);
    visit("at", m.at);
  }
};

/// Order gives the type number in the journal (index + 1): append only.
using Record =
    std::variant<PipelineAdded, WorkerAdded, AttemptAssigned, AttemptEnded, TaskReopened, TaskKept,
                 TaskFailed, CancelRequested, PipelineForgotten, WorkerForgotten, RetryRequested,
                 PauseChanged, ContentBound, TasksCached, AttemptHandedOver, WorkerDrained,
                 PriorityChanged, TasksPruned, PartPauseChanged, WorkerBound>;

std::string encode_record(const Record& record);
/// Appends to `out`.
void encode_record(const Record& record, std::string& out);
Result<Record> decode_record(std::string_view bytes);

}  // namespace landseer::broker
