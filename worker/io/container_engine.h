/// podman and docker, which differ in little: how they are called, and what they are told to run.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/io/container_options.h"
#include "worker/io/runtime.h"

namespace landseer::worker {

/// Where tools find their folders in a container.
inline constexpr const char* kContainerInput = "/input";
inline constexpr const char* kContainerData = "/data";  ///< the same folder as /input
inline constexpr const char* kContainerOutput = "/output";
inline constexpr const char* kContainerCheckpoint = "/checkpoint";

/// One that was found to work; what differs between hosts is what the probe found out.
struct ContainerEngine {
  enum class Kind { kPodman, kDocker };
  Kind kind = Kind::kPodman;
  std::string program;           ///< absolute
  std::vector<std::string> env;  ///< the worker's own: engines find their settings by it
  std::string oci_runtime;       ///< empty: its default
  std::vector<std::string> ulimits;
  bool has_init = true;          ///< a first process that passes signals on
  bool joins_cgroups = true;     ///< can put containers below the executor's cgroups
  std::string user;              ///< UID:GID of tools; empty: the image's
  std::string image_index;       ///< podman: the folder of the file that lists its images
  bool home_is_missing = false;  ///< `user` has no home in images

  bool is_podman() const { return kind == Kind::kPodman; }
  const char* name() const { return is_podman() ? "podman" : "docker"; }
};

/// What is to be run in a container, and how.
struct ContainerRequest {
  std::string name;
  std::string image;  ///< an id; or with `is_folder` the path of a root file system
  bool is_folder = false;
  std::vector<std::string> words;   ///< command and arguments
  bool keeps_entrypoint = false;    ///< the words are only arguments
  std::vector<std::string> mounts;  ///< as --mount takes them
  std::vector<std::string> env;     ///< NAME=VALUE; NAME alone: as the engine has it
  std::vector<protocol::GpuOffer> gpus;
  bool network = false;
  std::string cgroup_parent;  ///< empty: the engine's
  std::uint64_t memory_bytes = 0;
};

/// The engine and its global flags, to be followed by a verb.
std::vector<std::string> engine_command(const ContainerEngine& engine, bool with_cgroup = false);

/// The whole command line that runs a container to its end, with its streams as ours.
std::vector<std::string> run_command(const ContainerEngine& engine, const ContainerOptions& options,
                                     const ContainerRequest& request);

/// `type=bind,...` as both engines read it, whatever characters the path has.
std::string bind_mount(const std::string& source, const std::string& target, bool read_only);

}  // namespace landseer::worker
