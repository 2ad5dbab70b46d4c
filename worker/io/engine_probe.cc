#include "worker/io/engine_probe.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "worker/io/cgroup.h"
#include "worker/io/file_tools.h"
#include "worker/io/probe_program.h"
#include "worker/io/program.h"
#include "worker/io/spawn.h"

namespace landseer::worker {
namespace {

constexpr Duration kProbeLimit = std::chrono::seconds(60);

std::string limit_flag(const std::string& name, rlim_t value) {
  return name + "=" + std::to_string(value) + ":" + std::to_string(value);
}

/// What to try when the engine's own limits are refused: those of this process, then some that
/// every host grants.
std::vector<std::vector<std::string>> limits_to_try() {
  rlimit files{};
  rlimit processes{};
  getrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_NPROC, &processes);
  const auto at_most = [](rlim_t value, rlim_t most) { return std::min(value, most); };
  std::vector<std::vector<std::string>> tries;
  for (const auto& [most_files, most_processes] : std::vector<std::pair<rlim_t, rlim_t>>{
           {1 << 20, 1 << 20}, {1 << 16, 1 << 14}, {1024, 1000}}) {
    tries.push_back({limit_flag("nofile", at_most(files.rlim_max, most_files)),
                     limit_flag("nproc", at_most(processes.rlim_max, most_processes))});
  }
  return tries;
}

bool mentions(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

/// Runs the probe's container again and again, each time with one thing less.
class PodmanProbe {
 public:
  PodmanProbe(ContainerEngine engine, const ContainerOptions& options, const ProbePlace& place)
      : engine_(std::move(engine)),
        options_(options),
        place_(place),
        limits_(options.ulimits.empty() ? limits_to_try()
                                        : std::vector<std::vector<std::string>>()) {}

  Result<ContainerEngine> run() {
    std::string said;
    do {
      const auto result = try_once();
      if (!result) return tl::make_unexpected(result.error());
      if (result->exit_code == 0) return engine_;
      said = result->errors;
    } while (take_back(said));
    return fail(ErrorCode::kUnavailable, "podman cannot run a container here: " + last_line(said),
                {}, hint_for(said));
  }

 private:
  Result<ProgramResult> try_once() {
    ContainerRequest request;
    request.name = place_.container_name;
    request.image = place_.folder;
    request.is_folder = true;
    request.words = {"/probe"};
    if (engine_.joins_cgroups) {
      const std::string root = place_.cgroup_root == "/" ? "" : place_.cgroup_root;
      request.cgroup_parent = root + "/" + place_.cgroup_name;
    }
    return run_program({run_command(engine_, options_, request), engine_.env, kProbeLimit});
  }

  /// False if there is nothing left that could be the reason.
  bool take_back(const std::string& said) {
    if (mentions(said, {"rlimit"}) && next_limits_ < limits_.size()) {
      engine_.ulimits = limits_[next_limits_++];
      spdlog::warn(
          "podman may not set its usual limits here; tools get {} and {} "
          "(--container-ulimit says otherwise)",
          engine_.ulimits[0], engine_.ulimits[1]);
      return true;
    }
    if (mentions(said, {"already in use"}) && !removed_) {
      removed_ = true;  // of a probe that was cut short
      ProgramRequest request{engine_command(engine_), engine_.env, kProbeLimit};
      request.argv.insert(request.argv.end(),
                          {"rm", "--force", "--ignore", "--time=0", place_.container_name});
      return run_program(request).has_value();
    }
    if (engine_.has_init && mentions(said, {"catatonit", "init binary", "podman-init"})) {
      engine_.has_init = false;
      spdlog::warn(
          "podman finds no catatonit: a tool that does not handle SIGTERM itself will not "
          "get it");
      return true;
    }
    if (!mentions(said, {"cgroup"})) return false;
    if (engine_.oci_runtime.empty() && !find_program("runc", engine_.env).empty()) {
      engine_.oci_runtime = "runc";
      spdlog::warn("podman's usual runtime cannot use the cgroups of this host; using runc");
      return true;
    }
    if (!engine_.joins_cgroups) return false;
    engine_.joins_cgroups = false;
    spdlog::warn(
        "podman cannot put containers into this worker's cgroups ({}); it limits them "
        "itself, and what they use is not measured",
        last_line(said));
    return true;
  }

  static std::string hint_for(const std::string& said) {
    if (mentions(said, {"rlimit"})) return "name limits that this host grants: --container-ulimit";
    if (mentions(said, {"cgroup"})) return "try another --oci-runtime";
    if (mentions(said, {"newuidmap", "subuid", "user namespace"})) {
      return "give this user a range in /etc/subuid and /etc/subgid, and install uidmap";
    }
    return "see that `podman run` works for this user";
  }

  ContainerEngine engine_;
  const ContainerOptions& options_;
  const ProbePlace& place_;
  std::vector<std::vector<std::string>> limits_;
  std::size_t next_limits_ = 0;
  bool removed_ = false;
};

Result<void> make_probe_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string path = folder + "/probe";
  std::ofstream(path, std::ios::binary | std::ios::trunc) << probe_program();
  if (chmod(path.c_str(), 0755) != 0) return fail_errno("write", path);
  return {};
}

/// The engine made them in trees where the executor makes none: with those above, if nobody is
/// there.
void remove_cgroups(const std::string& name) {
  const CgroupRoot root = CgroupRoot::find({});
  root.find_left(name).remove();
  root.find_left(name.substr(0, name.rfind('/'))).remove();
}

Result<void> check_gpu_devices() {
  for (const char* folder : {"/etc/cdi", "/var/run/cdi"}) {
    std::error_code ignored;
    if (!std::filesystem::is_empty(folder, ignored) && !ignored) return {};
  }
  return fail(ErrorCode::kUnavailable, "podman does not know this host's GPUs", "/etc/cdi",
              "run `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`, or start with --gpus "
              "none");
}

/// Empty where it cannot be told.
std::string find_image_index(const ContainerEngine& engine) {
  ProgramRequest request{engine_command(engine), engine.env, kProbeLimit};
  request.argv.insert(request.argv.end(),
                      {"info", "--format={{.Store.GraphRoot}}/{{.Store.GraphDriverName}}-images"});
  const auto result = run_program(request);
  return result && result->exit_code == 0 ? last_line(result->output) : std::string();
}

Result<ContainerEngine> probe_podman(ContainerEngine engine, const ContainerOptions& options,
                                     const ProbePlace& place) {
  if (place.has_gpus) {
    if (auto known = check_gpu_devices(); !known) return tl::make_unexpected(known.error());
  }
  engine.joins_cgroups = !place.cgroup_root.empty();
  if (probe_program().empty()) return engine;
  if (auto made = make_probe_folder(place.folder); !made) {
    return tl::make_unexpected(made.error());
  }
  auto found = PodmanProbe(std::move(engine), options, place).run();
  if (found) found->image_index = find_image_index(*found);
  static_cast<void>(remove_tree(place.folder));
  remove_cgroups(place.cgroup_name);
  return found;
}

Result<ContainerEngine> probe_docker(ContainerEngine engine) {
  ProgramRequest request{
      {engine.program, "info", "--format={{.ServerVersion}} {{.SecurityOptions}}"},
      engine.env,
      kProbeLimit};
  const auto result = run_program(request);
  if (!result) return tl::make_unexpected(result.error());
  if (result->exit_code != 0) {
    return fail(ErrorCode::kUnavailable,
                "docker's service does not answer: " + last_line(result->errors), {},
                "start it, and see that this user may use it (group docker)");
  }
  engine.joins_cgroups = false;
  // In a docker without root the tool's root is the user.
  const bool is_root = geteuid() == 0 || mentions(result->output, {"rootless"});
  if (!engine.user.empty() && !is_root) {
    engine.user = std::to_string(geteuid()) + ":" + std::to_string(getegid());
    engine.home_is_missing = true;
  }
  return engine;
}

}  // namespace

Result<ContainerEngine> probe_engine(ContainerEngine::Kind kind, const ContainerOptions& options,
                                     const std::vector<std::string>& env, const ProbePlace& place) {
  ContainerEngine engine;
  engine.kind = kind;
  engine.env = env;
  engine.program = find_program(engine.name(), env);
  if (engine.program.empty()) {
    return fail(ErrorCode::kNotFound, std::string(engine.name()) + " is not installed", "PATH");
  }
  engine.oci_runtime = options.oci_runtime;
  engine.ulimits = options.ulimits;
  // Without root the engine's root is the worker's user.
  if (options.user == "worker") engine.user = "0:0";
  return engine.is_podman() ? probe_podman(std::move(engine), options, place)
                            : probe_docker(std::move(engine));
}

}  // namespace landseer::worker
