/// Tools: what a user names in a pipeline, and what running one needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/time.h"

namespace landseer::domain {

/// How a tool is started. `command` is split as a shell would; empty means the image's entrypoint,
/// and words that begin with `-` are arguments to it. No `runtime` means: as the worker offers.
struct ContainerConfig {
  std::string image;
  std::string command;
  std::optional<std::string> runtime;
  bool operator==(const ContainerConfig&) const = default;
};

/// Whole units of a resource are never rounded: milli-CPUs, milli-GPUs and bytes.
struct ResourceRequest {
  std::uint32_t cpus_milli = 1000;
  std::uint32_t gpus_milli = 0;
  std::uint64_t memory_bytes = 0;      ///< 0: not asked for
  std::uint64_t gpu_memory_bytes = 0;  ///< on each GPU; 0: not asked for
  auto operator<=>(const ResourceRequest&) const = default;
};

struct ToolDefinition {
  std::string name;
  ContainerConfig container;
  bool is_baseline = false;
  bool operator==(const ToolDefinition&) const = default;
};

/// How a task is run, apart from what it computes: nothing here but `env` is part of the task key.
struct TaskOptions {
  ResourceRequest resources;
  std::uint32_t retries = 0;                    ///< after failures blamed on the task
  Duration timeout = std::chrono::hours(2);     ///< of one attempt; Landseer's own default
  std::string env = "{}";                       ///< canonical JSON object of texts
  std::vector<std::string> required_artifacts;  ///< names an evaluator cannot run without
  std::vector<std::string> artifact_roots;      ///< host folders that may hold them
  std::vector<std::string> metrics;             ///< names an evaluator declares
  bool network = false;                         ///< the tool may reach the network
  bool operator==(const TaskOptions&) const = default;
};

}  // namespace landseer::domain
