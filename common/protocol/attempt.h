/// What broker and worker tell each other about one attempt. docs/protocol.md, "Attempts".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/protocol/added.h"
#include "common/protocol/bytes.h"
#include "common/protocol/limits.h"
#include "common/protocol/resources.h"

namespace landseer::protocol {

/// How an attempt ended. The numbers are on the wire: append only.
enum class Outcome : std::uint8_t {
  kSucceeded = 1,
  kExitCode = 2,  ///< the tool's fault, as are the next three
  kSignal = 3,
  kTimeout = 4,
  kOutOfMemory = 5,
  kRuntimeError = 6,  ///< the host's fault: the tool could not be started
  kInputMissing = 7,  ///< an input artifact could not be had or was damaged
  kCancelled = 8,     ///< the broker asked for it
  kReturned = 9,      ///< the worker gives it back, nothing ran or nothing counts
  kWorkerLost = 10,   ///< never sent: the broker's own verdict when a lease ends
};

inline constexpr Outcome kOutcomeLast = Outcome::kWorkerLost;
std::string_view to_string(Outcome outcome);

/// Names an attempt for ever: numbers may repeat if a broker loses its store, epochs do not.
struct AttemptRef {
  std::uint64_t epoch = 0;  ///< of the broker that assigned it
  TaskId task{};
  std::uint32_t attempt = 0;  ///< from 1
  auto operator<=>(const AttemptRef&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("epoch", m.epoch);
    visit("task", m.task);
    visit("attempt", m.attempt);
  }
};

/// What to run, apart from configuration and inputs; many assignments share one.
struct WorkSpec {
  std::string tool;
  std::string image;
  std::string command;
  std::string runtime;  ///< empty: the worker's default
  std::uint8_t type = 1;
  std::string env = "{}";
  std::uint64_t timeout_ms = 0;
  std::uint32_t cpus_milli = 0;
  std::uint32_t gpus_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<std::string> required_artifacts;
  std::vector<std::string> artifact_roots;
  std::vector<std::string> metrics;
  std::string dataset_name;
  std::string dataset_variant;
  Digest model_script;                 ///< a blob on the broker's bulk port; none without a model
  std::uint64_t gpu_memory_bytes = 0;  ///< free memory wanted on each GPU; 0: any
  bool network = false;                ///< the tool may reach the network
  Digest image_content;                ///< what the image must be here; none: nothing is bound yet
  Digest dataset_content;              ///< the same of the data set
  std::string gpu_model;               ///< part of each GPU's model, in any case; empty: any
  std::uint64_t scratch_bytes = 0;
  std::vector<NamedAmount> named;  ///< of this worker's, not of the broker's
  bool operator==(const WorkSpec&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("tool", m.tool);
    visit("image", m.image);
    visit("command", m.command);
    visit("runtime", m.runtime);
    visit("type", m.type);
    visit("env", m.env);
    visit("timeout_ms", m.timeout_ms);
    visit("cpus_milli", m.cpus_milli);
    visit("gpus_milli", m.gpus_milli);
    visit("memory_bytes", m.memory_bytes);
    visit("required_artifacts", m.required_artifacts);
    visit("artifact_roots", m.artifact_roots);
    visit("metrics", m.metrics);
    visit("dataset_name", m.dataset_name);
    visit("dataset_variant", m.dataset_variant);
    visit("model_script", m.model_script);
    visit("gpu_memory_bytes", added(m.gpu_memory_bytes));
    visit("network", added(m.network));
    visit("image_content", added(m.image_content));
    visit("dataset_content", added(m.dataset_content));
    visit("gpu_model", added(m.gpu_model));
    visit("scratch_bytes", added(m.scratch_bytes));
    visit("named", added(m.named));
  }
};

/// What the data port of a source asks for; see fetch_pass.h.
struct FetchPass {
  std::string server_key;  ///< the source's public key; empty: it has none and wants none
  std::string pass;
  bool operator==(const FetchPass&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("server_key", m.server_key);
    visit("pass", as_bytes(m.pass));
  }
};

/// An ancestor's artifact and the workers (`data` addresses) that have it, the best first.
struct InputArtifact {
  Digest artifact;
  std::vector<std::string> sources;
  std::vector<FetchPass> passes{};  ///< one for each source, or none at all
  bool operator==(const InputArtifact&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("artifact", m.artifact);
    visit("sources", m.sources);
    visit("passes", added(m.passes));
  }
};

struct Assignment {
  TaskId task{};
  std::uint32_t attempt = 0;
  PipelineId pipeline{};
  std::uint32_t spec = 0;             ///< index into the message's list
  std::string config;                 ///< JSON object
  std::vector<InputArtifact> inputs;  ///< of all ancestors, oldest first
  InputArtifact checkpoint{};         ///< what an earlier attempt left elsewhere, or none
  bool operator==(const Assignment&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("attempt", m.attempt);
    visit("pipeline", m.pipeline);
    visit("spec", m.spec);
    visit("config", m.config);
    visit("inputs", m.inputs);
    visit("checkpoint", added(m.checkpoint));
  }
};

/// Times are the worker's wall clock, for people only. `metrics` is a JSON object or empty.
struct AttemptResult {
  std::uint64_t epoch = 0;  ///< of the broker that assigned it
  TaskId task{};
  std::uint32_t attempt = 0;
  Outcome outcome = Outcome::kReturned;
  std::int32_t exit_code = 0;  ///< or the signal's number
  std::string reason;
  std::string log_tail;
  std::string metrics;
  bool evaluation_skipped = false;
  Digest artifact;  ///< none if the tool left nothing
  std::uint64_t artifact_bytes = 0;
  Digest missing_input;         ///< with kInputMissing
  std::int64_t started_at = 0;  ///< Unix milliseconds; 0 if it never started
  std::int64_t finished_at = 0;
  std::uint64_t cpu_ms = 0;
  std::uint64_t memory_peak_bytes = 0;
  std::uint64_t gpu_memory_peak_bytes = 0;  ///< 0: no GPU, or not known
  Digest image_content;                     ///< what it ran with; none: the runtime has no images
  Digest dataset_content;
  Digest checkpoint;  ///< artifact of its checkpoint folder, when the task is to go on elsewhere
  std::uint64_t checkpoint_bytes = 0;
  bool host_is_well = false;        ///< with kRuntimeError: it is about the task, not the host
  std::vector<std::uint32_t> gpus;  ///< indexes of those it was given
  bool operator==(const AttemptResult&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("epoch", m.epoch);
    visit("task", m.task);
    visit("attempt", m.attempt);
    visit("outcome", m.outcome);
    visit("exit_code", m.exit_code);
    visit("reason", m.reason);
    visit("log_tail", m.log_tail);
    visit("metrics", m.metrics);
    visit("evaluation_skipped", m.evaluation_skipped);
    visit("artifact", m.artifact);
    visit("artifact_bytes", m.artifact_bytes);
    visit("missing_input", m.missing_input);
    visit("started_at", m.started_at);
    visit("finished_at", m.finished_at);
    visit("cpu_ms", m.cpu_ms);
    visit("memory_peak_bytes", m.memory_peak_bytes);
    visit("gpu_memory_peak_bytes", added(m.gpu_memory_peak_bytes));
    visit("image_content", added(m.image_content));
    visit("dataset_content", added(m.dataset_content));
    visit("checkpoint", added(m.checkpoint));
    visit("checkpoint_bytes", added(m.checkpoint_bytes));
    visit("host_is_well", added(m.host_is_well));
    visit("gpus", added(at_most(kGpusMax, m.gpus)));
  }
};

}  // namespace landseer::protocol
