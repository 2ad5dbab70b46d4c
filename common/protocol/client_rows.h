/// The rows of the listings clients ask for. docs/protocol.md, "Client messages".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/protocol/added.h"
#include "common/protocol/attempt.h"
#include "common/protocol/bytes.h"
#include "common/protocol/resources.h"

namespace landseer::protocol {

/// The numbers are on the wire: append only.
enum class PipelineState : std::uint8_t {
  kRunning = 1,
  kPaused = 2,
  kCompleted = 3,  ///< every task completed, or was pruned
  kFailed = 4,     ///< all terminal, some failed, were skipped or cancelled
  kCancelled = 5,
};

inline constexpr PipelineState kPipelineStateLast = PipelineState::kCancelled;
std::string_view to_string(PipelineState state);

struct PipelineRow {
  PipelineId pipeline{};
  std::string name;
  PipelineState state = PipelineState::kRunning;
  std::string policy;
  std::int64_t priority = 0;
  std::string dataset;  ///< `name:variant` or empty
  std::uint64_t workflows = 0;
  std::uint64_t workflows_completed = 0;
  std::uint64_t total = 0;
  std::uint64_t pending = 0;
  std::uint64_t ready = 0;  ///< of the pending ones
  std::uint64_t running = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t skipped = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t cached = 0;
  std::int64_t submitted_at = 0;  ///< Unix milliseconds, as all times here
  std::int64_t finished_at = 0;
  std::int64_t eta_ms = -1;        ///< remaining; negative: unknown
  std::uint64_t pruned = 0;        ///< of the cancelled ones: by a rule
  std::string owner;               ///< whose key submitted it; empty: a broker without keys
  std::uint64_t paused_tasks = 0;  ///< of the pending ones: with a part of it
  bool operator==(const PipelineRow&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("name", m.name);
    visit("state", m.state);
    visit("policy", m.policy);
    visit("priority", m.priority);
    visit("dataset", m.dataset);
    visit("workflows", m.workflows);
    visit("workflows_completed", m.workflows_completed);
    visit("total", m.total);
    visit("pending", m.pending);
    visit("ready", m.ready);
    visit("running", m.running);
    visit("completed", m.completed);
    visit("failed", m.failed);
    visit("skipped", m.skipped);
    visit("cancelled", m.cancelled);
    visit("cached", m.cached);
    visit("submitted_at", m.submitted_at);
    visit("finished_at", m.finished_at);
    visit("eta_ms", m.eta_ms);
    visit("pruned", added(m.pruned));
    visit("owner", added(m.owner));
    visit("paused_tasks", added(m.paused_tasks));
  }
};

/// What a rule of a pipeline did so far.
struct PruningRow {
  std::string rule;            ///< as written; `stop_after 5`
  std::uint64_t times = 0;     ///< it held, and something was left to prune
  std::uint64_t tasks = 0;     ///< pruned; retried ones included
  std::uint64_t saved_ms = 0;  ///< expected time of these tasks
  std::uint64_t gpu_ms = 0;    ///< the same times the GPUs they ask for
  std::uint64_t unknown = 0;   ///< of the tasks: nobody knows how long they take
  bool operator==(const PruningRow&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("rule", m.rule);
    visit("times", m.times);
    visit("tasks", m.tasks);
    visit("saved_ms", m.saved_ms);
    visit("gpu_ms", m.gpu_ms);
    visit("unknown", m.unknown);
  }
};

struct StageCounts {
  std::uint8_t type = 0;  ///< a domain::TaskType
  std::uint64_t total = 0;
  std::uint64_t running = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;  ///< failed, skipped or cancelled
  bool operator==(const StageCounts&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("type", m.type);
    visit("total", m.total);
    visit("running", m.running);
    visit("completed", m.completed);
    visit("failed", m.failed);
  }
};

struct TaskRow {
  TaskId task{};
  PipelineId pipeline{};
  Digest key;
  std::string tool;
  std::uint8_t type = 0;
  std::uint8_t status = 0;
  std::string reason;
  std::int64_t priority = 0;
  std::uint32_t dependency_level = 0;
  std::uint32_t usage_counter = 0;
  std::vector<TaskId> dependencies;
  std::vector<WorkflowId> workflows;
  std::uint32_t attempts = 0;
  std::string worker;  ///< of the latest attempt
  std::int64_t started_at = 0;
  std::int64_t finished_at = 0;
  bool cached = false;
  bool ready = false;
  bool evaluation_skipped = false;
  Digest artifact;
  std::uint64_t artifact_bytes = 0;
  std::string metrics;   ///< JSON object or empty
  TaskId cached_from{};  ///< with `cached`: the task whose result it has
  TaskId joined{};       ///< pending, because this task of another pipeline is doing the same work
  bool pruned = false;   ///< cancelled by a rule; while it runs: as soon as it is stopped
  bool is_baseline = false;  ///< its tool is: what its stage's others are compared with
  bool paused = false;       ///< pending, and does not start: a part it belongs to is paused
  bool operator==(const TaskRow&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("pipeline", m.pipeline);
    visit("key", m.key);
    visit("tool", m.tool);
    visit("type", m.type);
    visit("status", m.status);
    visit("reason", m.reason);
    visit("priority", m.priority);
    visit("dependency_level", m.dependency_level);
    visit("usage_counter", m.usage_counter);
    visit("dependencies", m.dependencies);
    visit("workflows", m.workflows);
    visit("attempts", m.attempts);
    visit("worker", m.worker);
    visit("started_at", m.started_at);
    visit("finished_at", m.finished_at);
    visit("cached", m.cached);
    visit("ready", m.ready);
    visit("evaluation_skipped", m.evaluation_skipped);
    visit("artifact", m.artifact);
    visit("artifact_bytes", m.artifact_bytes);
    visit("metrics", m.metrics);
    visit("cached_from", added(m.cached_from));
    visit("joined", added(m.joined));
    visit("pruned", added(m.pruned));
    visit("is_baseline", added(m.is_baseline));
    visit("paused", added(m.paused));
  }
};

/// `outcome` 0: not over yet.
struct AttemptRow {
  std::uint32_t attempt = 0;
  std::string worker;
  std::uint8_t outcome = 0;
  std::int32_t exit_code = 0;
  std::string reason;
  std::string log_tail;
  std::int64_t assigned_at = 0;
  std::int64_t started_at = 0;
  std::int64_t finished_at = 0;
  std::uint64_t cpu_ms = 0;
  std::uint64_t memory_peak_bytes = 0;
  std::uint64_t gpu_memory_peak_bytes = 0;
  WorkerId worker_id{};  ///< of `worker`, which may have another name now
  TaskId origin_task{};  ///< the task it was started for, if that is another one that gave it up
  std::uint32_t origin_attempt = 0;
  std::vector<std::uint32_t> gpus;  ///< indexes of those it was given
  bool operator==(const AttemptRow&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("attempt", m.attempt);
    visit("worker", m.worker);
    visit("outcome", m.outcome);
    visit("exit_code", m.exit_code);
    visit("reason", m.reason);
    visit("log_tail", m.log_tail);
    visit("assigned_at", m.assigned_at);
    visit("started_at", m.started_at);
    visit("finished_at", m.finished_at);
    visit("cpu_ms", m.cpu_ms);
    visit("memory_peak_bytes", m.memory_peak_bytes);
    visit("gpu_memory_peak_bytes", added(m.gpu_memory_peak_bytes));
    visit("worker_id", added(m.worker_id));
    visit("origin_task", added(m.origin_task));
    visit("origin_attempt", added(m.origin_attempt));
    visit("gpus", added(m.gpus));
  }
};

/// A worker that has what is to be read, and the leave to read it there.
struct StreamSource {
  std::string worker;  ///< its name
  std::string ticket;  ///< for requests at the bulk port; good for two minutes
  bool operator==(const StreamSource&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("worker", m.worker);
    visit("ticket", as_bytes(m.ticket));
  }
};

struct WorkflowRow {
  WorkflowId workflow{};
  std::string name;
  std::uint8_t status = 0;  ///< a domain::TaskStatus: of the combination as a whole
  std::uint32_t completed = 0;
  std::vector<TaskId> tasks;
  bool pruned = false;  ///< with kCancelled: by a rule
  bool operator==(const WorkflowRow&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("workflow", m.workflow);
    visit("name", m.name);
    visit("status", m.status);
    visit("completed", m.completed);
    visit("tasks", m.tasks);
    visit("pruned", added(m.pruned));
  }
};

struct WorkerRow {
  WorkerId worker{};
  std::string name;
  std::string state;  ///< connected, silent, lost, left
  std::uint32_t cpus_milli = 0;
  std::uint32_t cpus_free_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<std::string> gpus;
  std::map<std::string, std::string> labels;
  std::vector<std::string> runtimes;
  std::vector<std::string> datasets;
  std::uint32_t running = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::int64_t last_seen_at = 0;
  std::string version;
  std::string reason;               ///< why it gets no work, if it is quarantined or unfit
  std::uint64_t bytes_fetched = 0;  ///< of artifacts, from other workers, since the broker started
  bool drained = false;             ///< by a user: it gets no new attempts
  std::uint64_t gpus_free_milli = 0;
  std::uint64_t memory_free_bytes = 0;
  std::uint64_t scratch_bytes = 0;
  std::uint64_t scratch_free_bytes = 0;
  std::uint32_t tasks_max = 0;   ///< attempts at a time; 0: as many as there is room for
  std::vector<NamedRoom> named;  ///< resources of the site
  std::string reserved_for;      ///< the task that a part of it is kept free for; else empty
  bool operator==(const WorkerRow&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("worker", m.worker);
    visit("name", m.name);
    visit("state", m.state);
    visit("cpus_milli", m.cpus_milli);
    visit("cpus_free_milli", m.cpus_free_milli);
    visit("memory_bytes", m.memory_bytes);
    visit("gpus", m.gpus);
    visit("labels", m.labels);
    visit("runtimes", m.runtimes);
    visit("datasets", m.datasets);
    visit("running", m.running);
    visit("completed", m.completed);
    visit("failed", m.failed);
    visit("last_seen_at", m.last_seen_at);
    visit("version", m.version);
    visit("reason", added(m.reason));
    visit("bytes_fetched", added(m.bytes_fetched));
    visit("drained", added(m.drained));
    visit("gpus_free_milli", added(m.gpus_free_milli));
    visit("memory_free_bytes", added(m.memory_free_bytes));
    visit("scratch_bytes", added(m.scratch_bytes));
    visit("scratch_free_bytes", added(m.scratch_free_bytes));
    visit("tasks_max", added(m.tasks_max));
    visit("named", added(m.named));
    visit("reserved_for", added(m.reserved_for));
  }
};

}  // namespace landseer::protocol
