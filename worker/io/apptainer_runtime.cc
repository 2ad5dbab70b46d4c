#include "worker/io/apptainer_runtime.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "worker/io/container_engine.h"
#include "worker/io/engine_verdict.h"
#include "worker/io/gpu_choice.h"
#include "worker/io/program.h"
#include "worker/io/spawn.h"
#include "worker/io/tool_contract.h"

namespace landseer::worker {
namespace {

constexpr Duration kProbeLimit = std::chrono::seconds(30);
constexpr int kContainerFailed = 255;

/// `SOURCE:TARGET[:ro]`; apptainer gives a colon and a comma no other meaning.
Result<std::string> bind_flag(const std::string& source, const std::string& target,
                              bool read_only) {
  if (source.find_first_of(":,") != std::string::npos) {
    return fail(ErrorCode::kInvalid, "apptainer cannot bind a path with a colon or comma", source,
                "choose another --scratch");
  }
  return "--bind=" + source + ":" + target + (read_only ? ":ro" : "");
}

/// The worker's environment but for what would open mounts, GPUs or variables to tools: apptainer
/// takes any of its options from there. What pulling needs stays.
std::vector<std::string> without_options(std::vector<std::string> env) {
  constexpr std::array<std::string_view, 6> kForPulling{
      "CACHEDIR=",      "TMPDIR=",          "CONFIGDIR=",
      "DISABLE_CACHE=", "DOCKER_USERNAME=", "DOCKER_PASSWORD="};
  std::erase_if(env, [&](std::string_view entry) {
    for (const std::string_view program : {"APPTAINER", "SINGULARITY"}) {
      if (!entry.starts_with(program)) continue;
      entry.remove_prefix(program.size());
      if (!entry.starts_with('_')) return true;  // APPTAINERENV_x is a variable of tools
      entry.remove_prefix(1);
      return std::none_of(kForPulling.begin(), kForPulling.end(),
                          [&](std::string_view name) { return entry.starts_with(name); });
    }
    return false;
  });
  return env;
}

}  // namespace

ApptainerRuntime::ApptainerRuntime(std::string name, std::string program,
                                   std::vector<std::string> env, ContainerOptions options)
    : name_(std::move(name)),
      program_(std::move(program)),
      env_(without_options(std::move(env))),
      options_(std::move(options)),
      images_(program_, env_, options_),
      // A file is named by its path, so only what is there now counts.
      keeper_(images_, {options_.images + "/locks", options_.pull != "never", Duration::zero()}) {}

Result<std::unique_ptr<ApptainerRuntime>> ApptainerRuntime::probe(
    const std::string& name, const ContainerOptions& options, const std::vector<std::string>& env) {
  const std::string program = find_program(name, env);
  if (program.empty()) return fail(ErrorCode::kNotFound, name + " is not installed", "PATH");
  const auto result = run_program({{program, "--version"}, env, kProbeLimit});
  if (!result) return tl::make_unexpected(result.error());
  if (result->exit_code != 0) {
    return fail(ErrorCode::kUnavailable, name + " does not work: " + last_line(result->errors));
  }
  return std::unique_ptr<ApptainerRuntime>(new ApptainerRuntime(name, program, env, options));
}

Result<Digest> ApptainerRuntime::obtain_image(const std::string& image, const Digest& bound,
                                              const Cancel& cancel) {
  return keeper_.obtain(image, bound, cancel);
}

Result<std::optional<Digest>> ApptainerRuntime::look(const std::string& image,
                                                     const Cancel& cancel) {
  return images_.find(image, cancel);
}

std::optional<std::vector<ImageTrace>> ApptainerRuntime::traces(const std::string& image) const {
  const auto path = images_.path_of(image);
  if (!path) return std::nullopt;
  const auto slash = path->rfind('/');
  return std::vector<ImageTrace>{
      {slash == 0 ? "/" : path->substr(0, slash), path->substr(slash + 1)}};
}

Result<Launch> ApptainerRuntime::make_launch(const RunRequest& request) const {
  const AttemptJob& job = request.job;
  auto words = command_words(job.spec);
  if (!words) return tl::make_unexpected(words.error());
  const auto image = images_.path_of(job.spec.image);
  if (!image) return tl::make_unexpected(image.error());
  const ToolFolders folders{kContainerInput, kContainerOutput, kContainerCheckpoint};
  auto variables = make_variables(job, {}, folders, visible_devices(request.gpus));
  if (!variables) return tl::make_unexpected(variables.error());

  Launch launch;
  launch.key = job.key;
  // `run` is the image's entrypoint, `exec` any program in it. --containall: no folder, process or
  // variable of the host's, and what the tool writes elsewhere is in memory.
  launch.argv = {program_, is_for_entrypoint(*words) ? "run" : "exec", "--containall",
                 "--no-privs"};
  if (!job.spec.network) launch.argv.insert(launch.argv.end(), {"--net", "--network=none"});
  if (!request.gpus.empty()) launch.argv.emplace_back("--nv");
  struct Bind {
    std::string source;
    const char* target;
    bool read_only;
  };
  for (const Bind& bind : {Bind{request.paths.input.string(), kContainerData, true},
                           Bind{request.paths.input.string(), kContainerInput, true},
                           Bind{request.paths.output.string(), kContainerOutput, false},
                           Bind{request.paths.checkpoint.string(), kContainerCheckpoint, false}}) {
    auto flag = bind_flag(bind.source, bind.target, bind.read_only);
    if (!flag) return tl::make_unexpected(flag.error());
    launch.argv.push_back(std::move(*flag));
  }
  launch.argv.push_back(*image);
  launch.argv.insert(launch.argv.end(), words->begin(), words->end());
  launch.env = env_;
  // Through our environment and not by --env, which splits at commas.
  const std::string prefix = name_ == "singularity" ? "SINGULARITYENV_" : "APPTAINERENV_";
  for (const auto& [name, value] : *variables) launch.env.push_back(prefix + name + "=" + value);
  for (const auto& [name, value] : request.secrets)
    launch.env.push_back(prefix + name + "=" + value);
  launch.deadline_names = {prefix + std::string(kDeadlineVariable)};
  launch.cwd = "/";
  launch.log_path = request.paths.log.string();
  launch.timeout_ms = job.spec.timeout_ms;
  launch.grace_ms = request.grace_ms;
  launch.memory_bytes = job.spec.memory_bytes;
  launch.cgroup = request.place;
  return launch;
}

void ApptainerRuntime::judge(Ended& ended) const {
  ended.host_is_well = false;  // the program that was not found is the runtime's own
  const std::string said = last_line(ended.log_tail);
  if (ended.outcome != protocol::Outcome::kExitCode || ended.exit_code != kContainerFailed ||
      said.find("FATAL:") == std::string::npos) {
    return;
  }
  ended.outcome = protocol::Outcome::kRuntimeError;
  ended.host_is_well = blames_image(said);
  ended.reason = name_ + " could not start the container: " + said;
}

}  // namespace landseer::worker
