/// How tools are run: as processes, or in the containers of some engine. Each way turns an attempt
/// into what the executor is to start, and knows what an image is on this host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/net/cancel.h"
#include "worker/core/effects.h"
#include "worker/io/attempt_folder.h"
#include "worker/io/executor_messages.h"
#include "worker/io/tool_contract.h"

namespace landseer::worker {

/// What an attempt is to be run with.
struct RunRequest {
  const AttemptJob& job;  ///< `spec.image_content` is what obtain_image gave
  const AttemptPaths& paths;
  std::vector<protocol::GpuOffer> gpus;  ///< a tool that was given none sees none
  std::uint64_t grace_ms = 0;
  /// Unique on this host among all attempts of all workers: `landseer/WORKER/EPOCH.TASK.ATTEMPT`.
  std::string place;
  /// Where the executor makes a cgroup of that name, as engines call it; empty: it makes none.
  std::string cgroup_root{};
  /// Values of the secrets that its environment names, by variable: never an argument of a program.
  Variables secrets{};
};

/// Files whose change means that an image may contain something else.
struct ImageTrace {
  std::string folder;
  std::string name{};  ///< only this file or folder in it; empty: everything
  bool deep = false;   ///< and everything below it
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual std::string_view name() const = 0;
  /// Whether tools are plain processes of the worker's own user.
  virtual bool runs_as_us() const { return false; }

  /// Makes sure that the image is here, and says what it contains; none: not known. With `bound`
  /// it is this content and no other that is wanted. May take as long as a download. Any thread,
  /// several at a time. kNotFound, kConflict (here it is another), kUnavailable, kInvalid.
  virtual Result<Digest> obtain_image(const std::string& image, const Digest& bound,
                                      const Cancel& cancel) = 0;

  /// What the image contains as it is here now, none if that is not known; empty: it is not here.
  /// Pulls nothing. Any thread.
  virtual Result<std::optional<Digest>> look(const std::string& image, const Cancel& cancel) = 0;
  /// Whether contents that images had before may still be here.
  virtual bool keeps_contents() const { return false; }
  /// Whether this one is. Any thread.
  virtual bool keeps(const Digest& content, const Cancel& cancel) {
    static_cast<void>(content), static_cast<void>(cancel);
    return false;
  }
  /// Empty: it cannot be told in this way when the image changes.
  virtual std::optional<std::vector<ImageTrace>> traces(const std::string& image) const = 0;
  /// A program instead that writes a line when any image changes, and its environment.
  virtual std::vector<std::string> event_command() const { return {}; }
  virtual std::vector<std::string> event_environment() const { return {}; }

  /// Starts nothing. Errors are about the task (kInvalid) or what this worker lacks (kNotFound).
  virtual Result<Launch> make_launch(const RunRequest& request) const = 0;

  /// Looks again at how a tool ended: an engine that could not start it says so by an exit code.
  virtual void judge(Ended& ended) const { static_cast<void>(ended); }
};

/// Whether trouble with an image, a data set or a command is about what was asked for and not about
/// this host: it would be the same, or right, elsewhere.
inline bool is_about_task(const Error& error) {
  return error.code == ErrorCode::kInvalid || error.code == ErrorCode::kNotFound ||
         error.code == ErrorCode::kConflict;
}

}  // namespace landseer::worker
