/// The worker's command line as one validated struct.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/config/options.h"
#include "common/keys/key_files.h"
#include "common/net/socket.h"
#include "worker/io/container_options.h"
#include "worker/io/dataset_folder.h"
#include "worker/io/nvml.h"
#include "worker/io/secrets.h"

namespace landseer::worker {

/// Of the artifact store: `bytes`, or if 0 a share of its file system.
struct ArtifactBudget {
  std::uint64_t bytes = 0;
  std::uint64_t percent = 50;
};

struct Options {
  std::string broker;              ///< tcp://HOST:PORT
  std::uint64_t files_before = 0;  ///< that the process was allowed to open; tools are still
  std::string name;
  std::uint32_t cpus_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::string gpus = "auto";  ///< auto, none or a list: gpu_choice.h
  std::string nvml_library = kNvmlLibrary;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::uint64_t> resources;  ///< of the site
  std::uint32_t tasks_max = 0;                     ///< at a time; 0: as many as there is room for
  std::vector<std::string> runtimes;               ///< see RuntimeSetup
  ContainerOptions containers;
  std::string scratch;
  std::string artifacts;
  std::string artifact_mode = "local";  ///< or shared: several hosts use the store
  ArtifactBudget artifacts_max;
  std::uint64_t disk_min = 0;  ///< free bytes below which no work is taken
  std::vector<DatasetFolder> datasets;
  std::string images;  ///< empty: none
  std::string data_bind = "tcp://127.0.0.1:0";
  std::string data_address;          ///< what other workers are told; empty: as bound
  Secrets secrets;                   ///< that tools may be given
  std::optional<keys::KeyFile> key;  ///< of this worker; empty: the broker has no keys
  config::LogOptions log;
};

/// What to connect to the broker with.
std::optional<net::ClientKeys> broker_keys(const Options& options);

/// Returns -1 to go on, else the exit code (0 for --help and --version, 2 for a usage error, 3 if
/// no broker is known, 4 without a key that is needed).
int parse_options(int argc, const char* const* argv, Options& options);

}  // namespace landseer::worker
