/// What passes between the worker's core and the shell around it: events in, effects out. Both are
/// plain values, so that a test or a simulator can stand where the shell stands.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "common/protocol/bulk_messages.h"
#include "common/protocol/worker_messages.h"

namespace landseer::worker {

using AttemptKey = protocol::AttemptRef;

/// Everything needed to run an attempt.
struct AttemptJob {
  AttemptKey key;
  PipelineId pipeline{};
  protocol::WorkSpec spec;
  std::string config;                           ///< JSON object
  std::vector<protocol::InputArtifact> inputs;  ///< oldest first
  protocol::InputArtifact checkpoint{};         ///< to go on from, or none
};

// --- Effects: what the core wants done. Those that have an answer name it. ---

struct Send {
  protocol::FromWorker message;
};

/// Fetch the inputs and lay out the attempt's folders. Answer: Prepared or PrepareFailed.
struct Prepare {
  AttemptJob job;
};

/// Start the prepared attempt on these GPUs (host indices). Answers: RunStarted, then RunEnded.
struct Run {
  AttemptKey key;
  std::vector<std::uint32_t> gpus;
  Duration grace{};  ///< between SIGTERM and SIGKILL, whoever ends it
  /// What it takes of the host, in words; attempts that take the same can have each other's place.
  /// Empty: there are GPUs among it, and nobody else gets its place unasked.
  std::string slot{};
  /// Not now: when an attempt with the same `slot` ends, whose RunEnded names it, or at StartHeld.
  bool held = false;
};

/// Start the attempt of an earlier Run that was to be held, if it is held still.
struct StartHeld {
  AttemptKey key;
};

/// End the attempt's processes: SIGTERM, grace, SIGKILL. Answer: RunEnded, when all are gone.
struct StopRun {
  AttemptKey key;
};

/// Turn the output folder into an artifact. Answer: Captured or CaptureFailed.
struct Capture {
  AttemptKey key;
};

/// The tool ended without success: turn what it left in its checkpoint folder into an artifact, so
/// that another host can go on from there. Answer: CheckpointCaptured.
struct CaptureCheckpoint {
  AttemptKey key;
};

/// The attempt is over and acknowledged: remove its folders, keep its log.
struct Discard {
  AttemptKey key;
};

/// The broker was heard: running attempts may go on until then. A moment and not a length of time,
/// which would begin anew if the machine stood still before the executor heard of it.
struct RenewLease {
  Instant until;
};

/// Somebody reads a log or an artifact through the broker: be there.
struct ServeStreams {
  protocol::Attach attach;
};

/// Ask the driver how these GPUs are. Answer: GpusChecked.
struct CheckGpus {
  std::vector<std::uint32_t> indices;
};

/// Of the artifacts that were named in StoreFull, the broker needs `kept` and gives up `released`:
/// remove those, unless they were used since.
struct RemoveArtifacts {
  std::vector<Digest> released;
  std::vector<Digest> kept;
};

/// Look whether images and the files of this data set are still what was offered; whatever is not
/// is told first. Answer: ContentsLooked.
struct LookAtContents {
  std::uint64_t number = 0;
  std::string dataset;  ///< empty: images only
  std::string variant;
};

using Effect =
    std::variant<Send, Prepare, Run, StopRun, Capture, Discard, RenewLease, ServeStreams, CheckGpus,
                 CaptureCheckpoint, RemoveArtifacts, LookAtContents, StartHeld>;

// --- Events: what happened. ---

struct Received {
  protocol::ToWorker message;
};

struct Prepared {
  AttemptKey key;
  std::vector<Digest> fetched;  ///< artifacts this worker did not have before
  /// Names of required artifacts that nobody produced: the evaluation is skipped.
  std::vector<std::string> missing_required;
  std::uint64_t bytes_fetched = 0;
  Digest dataset_content{};  ///< of the data set that it reads; none: not known, or it reads none
  Digest image_content{};    ///< what its image is here; none: not known
};

struct PrepareFailed {
  AttemptKey key;
  protocol::Outcome outcome = protocol::Outcome::kRuntimeError;  ///< or kInputMissing
  std::string reason;
  Digest missing_input;       ///< this worker does not have it either
  bool host_is_well = false;  ///< as in AttemptResult
};

struct RunStarted {
  AttemptKey key;
  WallTime at;
};

/// All processes of the attempt are gone.
struct RunEnded {
  AttemptKey key;
  protocol::Outcome outcome = protocol::Outcome::kRuntimeError;
  std::int32_t exit_code = 0;
  std::string reason;    ///< in words, empty on success
  std::string log_tail;  ///< last lines, at most kLogTailBytesMax
  WallTime started_at;
  WallTime finished_at;
  std::uint64_t cpu_ms = 0;
  std::uint64_t memory_peak_bytes = 0;
  std::uint64_t gpu_memory_peak_bytes = 0;  ///< on the GPU where it was most; 0: not known
  bool host_is_well = false;                ///< as in AttemptResult
  AttemptKey next{};                        ///< the held one that has its place now; task 0: none
};

struct Captured {
  AttemptKey key;
  Digest artifact;  ///< none if the folder was empty
  std::uint64_t bytes = 0;
  std::string metrics;  ///< JSON object from evaluation_results.json, or empty
  bool evaluation_skipped = false;
  std::string skip_reason;
};

struct CaptureFailed {
  AttemptKey key;
  std::string reason;
  /// The tool left something that cannot be kept: its fault; or kRuntimeError, the host's.
  protocol::Outcome outcome = protocol::Outcome::kExitCode;
};

struct CheckpointCaptured {
  AttemptKey key;
  Digest artifact;  ///< none: the folder was empty, or cannot be kept
  std::uint64_t bytes = 0;
};

/// The artifact store is above its budget, or the disk is short: these may go if nobody needs them,
/// the one that was not used for the longest time first. Said again while it is true.
struct StoreFull {
  std::vector<Digest> artifacts;
};

/// The process was asked to end: give everything back.
struct ShutdownRequested {};

struct GpuReading {
  std::uint32_t index = 0;
  std::uint64_t memory_used_bytes = 0;
  std::vector<std::uint32_t> processes;  ///< that use it, as far as they can be seen from here
  std::string trouble;                   ///< why nothing could be read; empty: it could
};

/// Also comes unasked when a GPU cannot be asked any more.
struct GpusChecked {
  std::vector<GpuReading> readings;
};

// What the worker offers is different now; each says all of its kind.

struct GpusChanged {
  std::vector<protocol::GpuOffer> gpus;
};

struct DatasetsChanged {
  std::vector<protocol::DatasetOffer> datasets;
};

struct ImagesChanged {
  std::vector<protocol::ImageOffer> images;
};

/// After the changes that were found, if any.
struct ContentsLooked {
  std::uint64_t number = 0;
};

/// Why the host must get no work, in words; empty: it may.
struct FitnessChanged {
  std::string unfit;
};

using Event =
    std::variant<Received, Prepared, PrepareFailed, RunStarted, RunEnded, Captured, CaptureFailed,
                 ShutdownRequested, GpusChanged, DatasetsChanged, ImagesChanged, FitnessChanged,
                 GpusChecked, CheckpointCaptured, StoreFull, ContentsLooked>;

}  // namespace landseer::worker
