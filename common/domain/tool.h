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

/// What a label of the worker must be. The numbers are on the wire: append only.
enum class LabelRelation : std::uint8_t {
  kOneOf = 1,   ///< the worker has the label, with one of the values
  kNoneOf = 2,  ///< it has the label with another value, or does not have it
  kExists = 3,
  kAbsent = 4,
};
inline constexpr LabelRelation kLabelRelationLast = LabelRelation::kAbsent;

struct LabelRule {
  std::string key;
  LabelRelation relation = LabelRelation::kOneOf;
  std::vector<std::string> values;  ///< sorted; none with kExists and kAbsent
  auto operator<=>(const LabelRule&) const = default;
};

/// So much of a resource that a site gave a name to, such as licences.
struct NamedAmount {
  std::string name;
  std::uint64_t amount = 0;
  auto operator<=>(const NamedAmount&) const = default;
};

/// Whole units of a resource are never rounded: milli-CPUs, milli-GPUs and bytes.
struct ResourceRequest {
  std::uint32_t cpus_milli = 1000;
  std::uint32_t gpus_milli = 0;
  std::uint64_t memory_bytes = 0;      ///< 0: not asked for
  std::uint64_t gpu_memory_bytes = 0;  ///< on each GPU; 0: not asked for
  std::string gpu_model;               ///< part of each GPU's model, in any case; empty: any
  std::uint64_t scratch_bytes = 0;     ///< of the worker's scratch disk; 0: not asked for
  std::vector<LabelRule> labels;       ///< by key, each once
  std::vector<NamedAmount> named;      ///< by name, each once
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
  Duration time_estimate{};                     ///< until there is history; 0: not known
  bool operator==(const TaskOptions&) const = default;
};

}  // namespace landseer::domain
