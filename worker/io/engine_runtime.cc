#include "worker/io/engine_runtime.h"

#include <algorithm>
#include <utility>

#include "worker/io/engine_verdict.h"
#include "worker/io/gpu_choice.h"
#include "worker/io/program.h"
#include "worker/io/tool_contract.h"

namespace landseer::worker {
namespace {

// Of podman-run(1) and docker-run(1).
constexpr int kEngineFailed = 125;
constexpr int kCannotRun = 126;
constexpr int kNoCommand = 127;
constexpr int kKilled = 137;

/// Processes and threads of the engine itself beside those of the tool.
constexpr std::uint64_t kEnginePids = 512;

/// A name that engines accept; as unique as the place it is made of.
std::string container_name(const std::string& place) {
  std::string name = place;
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

/// In the place of one that may be there.
void set_variable(std::vector<std::string>& env, const std::string& name,
                  const std::string& value) {
  std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(name + "="); });
  env.push_back(name + "=" + value);
}

/// The GPUs as the tool sees them. Where only indices are known, those in a container count anew.
std::string devices_in_container(const std::vector<protocol::GpuOffer>& gpus) {
  const bool by_uuid = std::all_of(gpus.begin(), gpus.end(),
                                   [](const protocol::GpuOffer& gpu) { return !gpu.uuid.empty(); });
  if (by_uuid) return visible_devices(gpus);
  std::string list;
  for (std::size_t i = 0; i < gpus.size(); ++i) list += (i == 0 ? "" : ",") + std::to_string(i);
  return list;
}

std::vector<std::string> remove_command(const ContainerEngine& engine, const std::string& name) {
  std::vector<std::string> argv = engine_command(engine);
  argv.insert(argv.end(), {"rm", "--force"});
  if (engine.is_podman()) argv.insert(argv.end(), {"--ignore", "--time=0"});
  argv.push_back(name);
  return argv;
}

}  // namespace

EngineRuntime::EngineRuntime(ContainerEngine engine, ContainerOptions options,
                             const std::string& lock_folder)
    : engine_(std::move(engine)),
      options_(std::move(options)),
      images_(engine_, options_.pull_limit),
      keeper_(images_, {lock_folder, options_.pull != "never"}) {}

Result<Digest> EngineRuntime::obtain_image(const std::string& image, const Digest& bound,
                                           const Cancel& cancel) {
  return keeper_.obtain(image, bound, cancel);
}

Result<std::optional<Digest>> EngineRuntime::look(const std::string& image, const Cancel& cancel) {
  return images_.find(image, cancel);
}

bool EngineRuntime::keeps(const Digest& content, const Cancel& cancel) {
  // What cannot be told now is found out when it is wanted.
  return images_.has(content, cancel).value_or(true);
}

/// podman's images change with the file that lists them.
std::optional<std::vector<ImageTrace>> EngineRuntime::traces(const std::string&) const {
  if (engine_.image_index.empty()) return std::nullopt;
  return std::vector<ImageTrace>{{engine_.image_index, "images.json"}};
}

std::vector<std::string> EngineRuntime::event_command() const {
  if (engine_.is_podman()) return {};
  std::vector<std::string> argv = engine_command(engine_);
  argv.insert(argv.end(), {"events", "--filter=type=image", "--format={{.Action}}"});
  return argv;
}

Result<Launch> EngineRuntime::make_launch(const RunRequest& request) const {
  const AttemptJob& job = request.job;
  auto words = command_words(job.spec);
  if (!words) return tl::make_unexpected(words.error());
  const ToolFolders folders{kContainerInput, kContainerOutput, kContainerCheckpoint};
  Variables given;
  if (engine_.home_is_missing) given["HOME"] = "/tmp";
  auto variables =
      make_variables(job, std::move(given), folders, devices_in_container(request.gpus));
  if (!variables) return tl::make_unexpected(variables.error());
  // By default the image's word counts, where NVIDIA's runtime is that of all containers: and
  // images for GPUs say `all`.
  const std::string devices = visible_devices(request.gpus);
  (*variables)["NVIDIA_VISIBLE_DEVICES"] = devices.empty() ? "void" : devices;

  ContainerRequest what;
  what.name = container_name(request.place);
  what.image = "sha256:" + job.spec.image_content.hex();
  what.keeps_entrypoint = is_for_entrypoint(*words);
  what.words = std::move(*words);
  what.mounts = {bind_mount(request.paths.input.string(), kContainerData, true),
                 bind_mount(request.paths.input.string(), kContainerInput, true),
                 bind_mount(request.paths.output.string(), kContainerOutput, false),
                 bind_mount(request.paths.checkpoint.string(), kContainerCheckpoint, false)};
  for (const auto& [name, value] : *variables) what.env.push_back(name + "=" + value);
  // The executor tells the deadline to what it starts: podman passes that on.
  what.env.emplace_back(kDeadlineVariable);
  // Without a value: the engine takes it from its own environment, which others cannot read.
  for (const auto& [name, value] : request.secrets) what.env.push_back(name);
  what.gpus = request.gpus;
  what.network = job.spec.network;
  what.memory_bytes = job.spec.memory_bytes;
  if (engine_.joins_cgroups && !request.cgroup_root.empty()) {
    what.cgroup_parent =
        (request.cgroup_root == "/" ? "" : request.cgroup_root) + "/" + request.place;
  }

  Launch launch;
  launch.key = job.key;
  launch.argv = run_command(engine_, options_, what);
  launch.env = engine_.env;
  for (const auto& [name, value] : request.secrets) set_variable(launch.env, name, value);
  launch.cwd = "/";
  launch.log_path = request.paths.log.string();
  launch.timeout_ms = job.spec.timeout_ms;
  launch.grace_ms = request.grace_ms;
  launch.memory_bytes = job.spec.memory_bytes;
  launch.cgroup = request.place;
  launch.pids_max = kPidsMax + kEnginePids;
  if (!engine_.is_podman()) {
    // Its containers are children of a service.
    launch.kill_argv = engine_command(engine_);
    launch.kill_argv.insert(launch.kill_argv.end(), {"kill", what.name});
    launch.remote = true;
  }
  launch.remove_argv = remove_command(engine_, what.name);
  return launch;
}

void EngineRuntime::judge(Ended& ended) const {
  using protocol::Outcome;
  ended.host_is_well = false;  // the program that was not found is the runtime's own
  if (ended.outcome != Outcome::kExitCode) return;
  const std::string said = last_line(ended.log_tail);
  // Its first process runs, and finds no second one.
  const bool init_failed = said.starts_with("ERROR (catatonit:") && ended.exit_code == 1 &&
                           said.find("failed to exec") != std::string::npos;
  const std::string engine_said = engine_line(ended.log_tail);
  const bool is_unstarted = (ended.exit_code == kEngineFailed && !engine_said.empty()) ||
                            (ended.exit_code == kCannotRun && blames_host(engine_said));
  if (is_unstarted) {
    ended.outcome = Outcome::kRuntimeError;
    ended.host_is_well = blames_image(engine_said);
    ended.reason = std::string(engine_.name()) + " could not start the container: " + engine_said;
  } else if (ended.exit_code == kNoCommand || init_failed) {
    ended.reason += ": the image has no such command";
  } else if (ended.exit_code == kCannotRun) {
    ended.reason += ": the command cannot be run in the image";
  } else if (ended.exit_code == kKilled && !engine_.is_podman()) {
    ended.reason += ": killed, maybe for want of memory";
  }
}

}  // namespace landseer::worker
