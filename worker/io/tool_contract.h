/// What every tool is promised, whatever runs it: its variables and how its command is read.
/// docs/protocol.md, "What a tool sees".
///
/// Environment, the later winning over the earlier:
///   1. what the runtime gives: a container its image's, a process PATH, HOME, LANG and TZ of the
///      worker;
///   2. each top-level entry of the configuration: strings as they are, numbers and booleans as
///      written, null as empty, the rest as JSON. Left out: names that are none for a variable, and
///      names by which a hyper-parameter could change how programs are found or loaded by accident
///      (PATH, HOME, LANG, TZ, LD_*) or pose as ours (LANDSEER_*). `config.json` has them all;
///   3. the tool's own `env`, by the same rules, but it may set PATH and LD_* as well: who wrote
///      it meant it. Where it names a secret, the runtime adds the value that RunRequest has;
///   4. the contract: INPUT_DIR, OUTPUT_DIR, CHECKPOINT_DIR, PYTHONPATH, LANDSEER_TASK_ID,
///      LANDSEER_ATTEMPT, LANDSEER_PIPELINE_ID, CUDA_VISIBLE_DEVICES. The executor adds its own.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/core/effects.h"

namespace landseer::worker {

/// NAME to VALUE.
using Variables = std::map<std::string, std::string>;

/// As the tool sees them.
struct ToolFolders {
  std::string input;
  std::string output;
  std::string checkpoint;
};

/// PATH, HOME, LANG and TZ of this process, as far as they are set. Read before there are threads.
Variables read_host_variables();
/// All of them, `NAME=VALUE`.
std::vector<std::string> read_host_environment();

/// The variables of a JSON object, see above. kInvalid if `json` is not one.
Result<Variables> variables_from_json(std::string_view json);

/// Everything of the list above but secrets; `devices` are the GPUs, joined by commas.
Result<Variables> make_variables(const AttemptJob& job, Variables given, const ToolFolders& folders,
                                 const std::string& devices);

/// The command's words; none: the image's entrypoint is wanted. kInvalid: a quote is not closed.
Result<std::vector<std::string>> command_words(const protocol::WorkSpec& spec);
/// Whether the words are only arguments of the image's entrypoint.
bool is_for_entrypoint(const std::vector<std::string>& words);

}  // namespace landseer::worker
