/// The `process` runtime: a tool as a plain process of the worker's user, without a container.
/// Turns an attempt into what the executor is to start. docs/protocol.md, "What a tool sees".
///
/// Command: split into words as a shell would, without running one. Empty: `./entrypoint` in the
/// image folder. Arguments only (the first word begins with `-`): appended to that entrypoint.
///
/// Image: `x/NAME:tag` is the folder NAME below `images` and the working directory. Without such a
/// folder the command runs in the scratch folder, and there is no entrypoint.
///
/// Environment, the later winning over the earlier:
///   1. PATH, HOME, LANG, TZ of the worker, and nothing else of it;
///   2. each top-level entry of the configuration: strings as they are, numbers and booleans as
///      written, null as empty, the rest as JSON. Left out: names that are none for a variable, and
///      names by which a hyper-parameter could change how programs are found or loaded by accident
///      (those of 1, LD_*) or pose as ours (LANDSEER_*). `config.json` has them all;
///   3. the tool's own `env`, by the same rules, but it may set PATH and LD_* as well: who wrote
///      it meant it;
///   4. the contract: INPUT_DIR, OUTPUT_DIR, CHECKPOINT_DIR, PYTHONPATH, LANDSEER_TASK_ID,
///      LANDSEER_ATTEMPT, LANDSEER_PIPELINE_ID, CUDA_VISIBLE_DEVICES.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/core/effects.h"
#include "worker/io/executor_messages.h"

namespace landseer::worker {

/// Absolute paths. All but `images` (may be empty: none) exist when the tool starts.
struct ProcessFolders {
  std::string images;
  std::string scratch;  ///< the attempt's own
  std::string input;
  std::string output;
  std::string checkpoint;
  std::string log_path;  ///< a file
};

/// What the worker's own environment contributes: NAME to VALUE.
using HostEnvironment = std::map<std::string, std::string>;

/// PATH, HOME, LANG and TZ as far as they are set. Read it once, before there are threads.
HostEnvironment read_host_environment();

/// The folder's name in an image reference, without scheme, registry, tag and digest:
/// `docker://reg:5000/x/NAME:tag` gives NAME. kInvalid if none is left or it has `..` in it.
Result<std::string> image_folder_name(std::string_view image);

/// What an image is to this runtime: one fixed content if there is no folder of its name, so that
/// only the command counts; none, which is "not known", if there is one, for somebody may edit it.
Digest process_image_content(const std::string& image, const std::string& images);

/// The variables of a JSON object, see above. kInvalid if `json` is not one.
Result<std::map<std::string, std::string>> variables_from_json(std::string_view json);

/// A tool that was given no GPU sees none. Looks at the image folder, starts
/// nothing. Errors are about the task (kInvalid) or what this worker lacks (kNotFound).
Result<Launch> make_process_launch(const AttemptJob& job, std::span<const protocol::GpuOffer> gpus,
                                   const ProcessFolders& folders, const HostEnvironment& host,
                                   std::uint64_t grace_ms);

}  // namespace landseer::worker
