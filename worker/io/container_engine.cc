#include "worker/io/container_engine.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace landseer::worker {
namespace {

/// One field of a line of comma-separated values.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string device_name(const protocol::GpuOffer& gpu) {
  return gpu.uuid.empty() ? std::to_string(gpu.index) : gpu.uuid;
}

/// podman has GPUs by the names of the Container Device Interface, docker by NVIDIA's runtime.
void add_gpus(const ContainerEngine& engine, const std::vector<protocol::GpuOffer>& gpus,
              std::vector<std::string>& argv) {
  if (gpus.empty()) return;
  std::string list;
  for (const protocol::GpuOffer& gpu : gpus) {
    if (engine.is_podman()) argv.push_back("--device=nvidia.com/gpu=" + device_name(gpu));
    list += (list.empty() ? "" : ",") + device_name(gpu);
  }
  if (!engine.is_podman()) argv.push_back("--gpus=" + csv_field("device=" + list));
}

void add_isolation(const ContainerEngine& engine, const ContainerOptions& options,
                   const ContainerRequest& request, std::vector<std::string>& argv) {
  argv.push_back("--cap-drop=all");
  for (const std::string& capability : options.capabilities) {
    argv.push_back("--cap-add=" + capability);
  }
  argv.push_back("--security-opt=no-new-privileges");
  if (!request.network) argv.push_back("--network=none");
  if (!engine.user.empty()) argv.push_back("--user=" + engine.user);
  argv.push_back("--pids-limit=" + std::to_string(kPidsMax));
  argv.push_back("--shm-size=" + std::to_string(options.shm_bytes));
  for (const std::string& limit : engine.ulimits) argv.push_back("--ulimit=" + limit);
  if (!request.cgroup_parent.empty()) {
    argv.push_back("--cgroup-parent=" + request.cgroup_parent);
  } else if (request.memory_bytes != 0) {
    // Without swap: the two flags give the sum.
    argv.push_back("--memory=" + std::to_string(request.memory_bytes));
    argv.push_back("--memory-swap=" + std::to_string(request.memory_bytes));
  }
}

void add_engine_flags(const ContainerEngine& engine, bool with_cgroup,
                      std::vector<std::string>& argv) {
  argv.push_back("--rm");
  argv.push_back("--pull=never");
  if (engine.has_init) argv.push_back("--init");
  if (engine.is_podman()) {
    // The streams are the tool's own: nothing stands between them and its log, nor mixes their
    // order.
    argv.push_back("--log-driver=passthrough");
    argv.push_back("--http-proxy=false");
    // The monitor is part of the attempt, and found with it.
    if (with_cgroup) argv.push_back("--cgroups=no-conmon");
  } else {
    argv.push_back("--log-driver=none");
  }
}

/// podman takes an entrypoint that begins with `[` for a list, so it always gets one.
std::string entrypoint_flag(const ContainerEngine& engine, const std::string& word) {
  if (!engine.is_podman()) return "--entrypoint=" + word;
  const auto replace = nlohmann::json::error_handler_t::replace;
  return "--entrypoint=" + nlohmann::json::array({word}).dump(-1, ' ', false, replace);
}

}  // namespace

std::string bind_mount(const std::string& source, const std::string& target, bool read_only) {
  return "type=bind," + csv_field("source=" + source) + ",destination=" + target +
         (read_only ? ",readonly" : "");
}

std::vector<std::string> engine_command(const ContainerEngine& engine, bool with_cgroup) {
  std::vector<std::string> argv{engine.program};
  if (!engine.is_podman()) return argv;
  if (!engine.oci_runtime.empty()) argv.push_back("--runtime=" + engine.oci_runtime);
  // systemd would put the container where it likes.
  if (with_cgroup) argv.push_back("--cgroup-manager=cgroupfs");
  return argv;
}

std::vector<std::string> run_command(const ContainerEngine& engine, const ContainerOptions& options,
                                     const ContainerRequest& request) {
  const bool with_cgroup = !request.cgroup_parent.empty();
  std::vector<std::string> argv = engine_command(engine, with_cgroup);
  argv.insert(argv.end(), {"run", "--name=" + request.name});
  add_engine_flags(engine, with_cgroup, argv);
  if (!engine.is_podman() && !engine.oci_runtime.empty()) {
    argv.push_back("--runtime=" + engine.oci_runtime);
  }
  add_isolation(engine, options, request, argv);
  add_gpus(engine, request.gpus, argv);
  for (const std::string& mount : request.mounts) argv.push_back("--mount=" + mount);
  for (const std::string& entry : request.env) argv.push_back("--env=" + entry);
  auto word = request.words.begin();
  if (!request.keeps_entrypoint && word != request.words.end()) {
    argv.push_back(entrypoint_flag(engine, *word++));
  }
  if (request.is_folder) argv.emplace_back("--rootfs");
  argv.push_back(request.image);
  argv.insert(argv.end(), word, request.words.end());
  return argv;
}

}  // namespace landseer::worker
