/// Everything that passes between a client (CLI, Python, dashboard) and the broker: one reply to
/// each request, matched by the envelope's number. docs/protocol.md, "Client messages".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/added.h"
#include "common/protocol/bytes.h"
#include "common/protocol/changes.h"
#include "common/protocol/client_rows.h"
#include "common/protocol/drain.h"
#include "common/protocol/explanation.h"
#include "common/protocol/forecast_messages.h"
#include "common/protocol/pause_part.h"
#include "common/protocol/selection.h"
#include "common/protocol/version.h"
#include "common/protocol/worker_list.h"

namespace landseer::protocol {

struct ClientHello {
  std::uint32_t protocol_min = kProtocolMin;
  std::uint32_t protocol_max = kProtocolMax;
  std::string program_version;
  bool operator==(const ClientHello&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("protocol_min", m.protocol_min);
    visit("protocol_max", m.protocol_max);
    visit("program_version", m.program_version);
  }
};

struct ClientWelcome {
  std::uint32_t protocol = 0;
  std::uint64_t epoch = 0;
  std::string program_version;
  bool operator==(const ClientWelcome&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("protocol", m.protocol);
    visit("epoch", m.epoch);
    visit("program_version", m.program_version);
  }
};

/// A part of an encoded Submission, in order, at most kChunkBytesMax. The last one commits.
struct SubmitChunk {
  std::string submission_id;
  std::uint32_t index = 0;
  bool last = false;
  std::string data;
  bool plan_only = false;  ///< of the last: say what it would be, and keep nothing
  bool operator==(const SubmitChunk&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("submission_id", m.submission_id);
    visit("index", m.index);
    visit("last", m.last);
    visit("data", as_bytes(m.data));
    visit("plan_only", added(m.plan_only));
  }
};

struct ChunkTaken {
  std::uint32_t index = 0;
  bool operator==(const ChunkTaken&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("index", m.index);
  }
};

struct Submitted {
  PipelineId pipeline{};
  std::string name;
  std::uint64_t workflows = 0;
  std::uint64_t task_instances = 0;
  std::uint64_t tasks = 0;        ///< distinct, evaluations included
  std::uint64_t evaluations = 0;  ///< of those
  std::uint64_t cached = 0;
  bool existing = false;  ///< this submission id was accepted before
  /// With `plan_only`: bit i % 8 of byte i / 8 is set if task i of the submission has a known
  /// result.
  std::string cached_tasks{};
  std::vector<std::string> notices{};  ///< what no known worker can ever run, in words
  bool operator==(const Submitted&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("name", m.name);
    visit("workflows", m.workflows);
    visit("task_instances", m.task_instances);
    visit("tasks", m.tasks);
    visit("evaluations", m.evaluations);
    visit("cached", m.cached);
    visit("existing", m.existing);
    visit("cached_tasks", added(as_bytes(m.cached_tasks)));
    visit("notices", added(m.notices));
  }
};

/// Newest last; `after` pages.
struct ListPipelines {
  PipelineId after{};
  bool operator==(const ListPipelines&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("after", m.after);
  }
};

struct PipelineList {
  std::vector<PipelineRow> rows;
  bool more = false;
  bool operator==(const PipelineList&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("rows", m.rows);
    visit("more", m.more);
  }
};

/// Answered when the pipeline's version differs from `known_version` (0: at once), when it is
/// terminal, or after kWatchReplyMax. `until_terminal` leaves out the changes in between.
struct WatchPipeline {
  PipelineId pipeline{};
  std::uint64_t known_version = 0;
  bool until_terminal = false;
  bool operator==(const WatchPipeline&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("known_version", m.known_version);
    visit("until_terminal", m.until_terminal);
  }
};

struct PipelineStatus {
  PipelineRow row;
  std::uint64_t version = 0;
  std::vector<StageCounts> stages;
  std::vector<std::string> notices;    ///< why nothing moves, in words
  std::vector<PruningRow> prunings{};  ///< one for each rule, whether it ever held or not
  bool operator==(const PipelineStatus&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("row", m.row);
    visit("version", m.version);
    visit("stages", m.stages);
    visit("notices", m.notices);
    visit("prunings", added(m.prunings));
  }
};

/// Tasks of one pipeline in insertion order, after `after`, at most `limit` rows looked at.
struct ListTasks {
  PipelineId pipeline{};
  std::uint8_t status = 0;   ///< a domain::TaskStatus; 0: all
  std::string tool;          ///< empty: all
  std::uint64_t offset = 0;  ///< index of the first task to look at
  std::uint32_t limit = 0;
  bool operator==(const ListTasks&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("status", m.status);
    visit("tool", m.tool);
    visit("offset", m.offset);
    visit("limit", m.limit);
  }
};

struct TaskList {
  std::vector<TaskRow> rows;
  std::uint64_t next_offset = 0;  ///< 0: that was all
  bool operator==(const TaskList&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("rows", m.rows);
    visit("next_offset", m.next_offset);
  }
};

struct GetTask {
  TaskId task{};
  bool operator==(const GetTask&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
  }
};

struct TaskDetail {
  TaskRow row;
  std::string image;
  std::string command;
  std::string config;
  std::string key_ingredients;
  std::vector<AttemptRow> attempts;
  bool operator==(const TaskDetail&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("row", m.row);
    visit("image", m.image);
    visit("command", m.command);
    visit("config", m.config);
    visit("key_ingredients", m.key_ingredients);
    visit("attempts", m.attempts);
  }
};

struct ListWorkflows {
  PipelineId pipeline{};
  std::uint64_t offset = 0;
  std::uint32_t limit = 0;
  bool operator==(const ListWorkflows&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("offset", m.offset);
    visit("limit", m.limit);
  }
};

struct WorkflowList {
  std::vector<WorkflowRow> rows;
  std::uint64_t next_offset = 0;
  bool operator==(const WorkflowList&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("rows", m.rows);
    visit("next_offset", m.next_offset);
  }
};

/// Leave to read a log or an artifact at the bulk port.
struct OpenStream {
  TaskId task{};
  std::uint32_t attempt = 0;  ///< whose log; 0: the latest
  bool artifact = false;      ///< the task's artifact, not a log
  bool operator==(const OpenStream&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("attempt", m.attempt);
    visit("artifact", m.artifact);
  }
};

struct StreamOpened {
  std::uint32_t attempt = 0;  ///< with a log
  bool finished = false;      ///< the attempt is over: its log will not grow
  Digest artifact;
  std::uint64_t artifact_bytes = 0;
  std::string bulk_address;
  std::vector<StreamSource> sources;  ///< the best first; an artifact may have several
  bool operator==(const StreamOpened&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("attempt", m.attempt);
    visit("finished", m.finished);
    visit("artifact", m.artifact);
    visit("artifact_bytes", m.artifact_bytes);
    visit("bulk_address", m.bulk_address);
    visit("sources", m.sources);
  }
};

/// Exactly one of the two is not 0.
struct Cancel {
  PipelineId pipeline{};
  TaskId task{};
  bool operator==(const Cancel&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("task", m.task);
  }
};

/// `running` attempts are being stopped; their tasks end when the worker confirms it.
struct Cancelled {
  std::uint64_t tasks = 0;
  std::uint64_t running = 0;
  std::uint64_t skipped = 0;    ///< of a part: what depends on it, and is not counted above
  std::uint64_t shared = 0;     ///< of workflows: tasks that others need, which go on
  std::uint64_t workflows = 0;  ///< that will not be complete because of it
  PipelineId pipeline{};
  bool operator==(const Cancelled&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("tasks", m.tasks);
    visit("running", m.running);
    visit("skipped", added(m.skipped));
    visit("shared", added(m.shared));
    visit("workflows", added(m.workflows));
    visit("pipeline", added(m.pipeline));
  }
};

/// Exactly one of the two is not 0.
struct Retry {
  PipelineId pipeline{};
  TaskId task{};
  bool operator==(const Retry&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("task", m.task);
  }
};

struct Retried {
  std::uint64_t tasks = 0;  ///< pending again
  bool paused = false;      ///< their pipeline: nothing starts before it is resumed
  bool operator==(const Retried&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("tasks", m.tasks);
    visit("paused", m.paused);
  }
};

/// Holds a pipeline back, or lets it go on.
struct Pause {
  PipelineId pipeline{};
  bool paused = true;  ///< false: resume
  bool operator==(const Pause&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("paused", m.paused);
  }
};

struct Paused {
  bool changed = false;       ///< false: it was so already
  std::uint64_t running = 0;  ///< attempts that go on, whatever was asked for
  bool operator==(const Paused&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("changed", m.changed);
    visit("running", m.running);
  }
};

struct ErrorReply {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string where;
  std::string hint;
  std::uint32_t retry_ms = 0;  ///< with kBusy: how long to wait before asking again
  bool operator==(const ErrorReply&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("code", m.code);
    visit("message", m.message);
    visit("where", m.where);
    visit("hint", m.hint);
    visit("retry_ms", added(m.retry_ms));
  }
};

/// Order gives the type number on the wire (index + 1): append only.
using FromClient =
    std::variant<ClientHello, SubmitChunk, ListPipelines, WatchPipeline, ListTasks, GetTask,
                 ListWorkflows, ListWorkers, OpenStream, Cancel, Retry, Pause, GetExplanation,
                 GetToolTimes, ListOffers, GetGraph, Drain, CancelPart, RetryPart, SetPriority,
                 GetChanges, ListAttempts, PausePart>;
using ToClient =
    std::variant<ClientWelcome, ChunkTaken, Submitted, PipelineList, PipelineStatus, TaskList,
                 TaskDetail, WorkflowList, WorkerList, StreamOpened, Cancelled, ErrorReply, Retried,
                 Paused, Explanation, ToolTimeList, OfferList, GraphPage, Drained, PrioritySet,
                 ChangeList, AttemptList, PartPaused>;

}  // namespace landseer::protocol
