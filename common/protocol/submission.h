/// A pipeline as it travels: expanded, with every repeated part stored once and referred to by
/// index. Normative text: docs/protocol.md, "Submission".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/protocol/added.h"
#include "common/protocol/bytes.h"
#include "common/protocol/resources.h"

namespace landseer::protocol {

struct ToolEntry {
  std::string name;
  std::string image;
  std::string command;
  std::optional<std::string> runtime;
  bool is_baseline = false;
  bool operator==(const ToolEntry&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("name", m.name);
    visit("image", m.image);
    visit("command", m.command);
    visit("runtime", m.runtime);
    visit("is_baseline", m.is_baseline);
  }
};

/// How a task is run. `env` is a JSON object of texts; 0 memory means "not asked for".
struct OptionsEntry {
  std::uint32_t cpus_milli = 1000;
  std::uint32_t gpus_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::uint32_t retries = 0;
  std::uint64_t timeout_ms = 7'200'000;
  std::string env = "{}";
  std::vector<std::string> required_artifacts;
  std::vector<std::string> artifact_roots;
  std::vector<std::string> metrics;
  std::uint64_t gpu_memory_bytes = 0;  ///< on each GPU
  bool network = false;                ///< the tool may reach the network
  std::string gpu_model;               ///< part of each GPU's model; empty: any
  std::uint64_t scratch_bytes = 0;
  std::vector<LabelRule> labels;
  std::vector<NamedAmount> named;
  std::uint64_t time_estimate_ms = 0;  ///< until there is history; 0: not known
  bool operator==(const OptionsEntry&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("cpus_milli", m.cpus_milli);
    visit("gpus_milli", m.gpus_milli);
    visit("memory_bytes", m.memory_bytes);
    visit("retries", m.retries);
    visit("timeout_ms", m.timeout_ms);
    visit("env", m.env);
    visit("required_artifacts", m.required_artifacts);
    visit("artifact_roots", m.artifact_roots);
    visit("metrics", m.metrics);
    visit("gpu_memory_bytes", added(m.gpu_memory_bytes));
    visit("network", added(m.network));
    visit("gpu_model", added(m.gpu_model));
    visit("scratch_bytes", added(m.scratch_bytes));
    visit("labels", added(m.labels));
    visit("named", added(m.named));
    visit("time_estimate_ms", added(m.time_estimate_ms));
  }
};

/// `type` is a domain::TaskType; the other numbers are indices into the submission's lists.
/// Dependencies point to entries before this one, so a submission cannot hold a cycle.
struct TaskEntry {
  std::uint8_t type = 1;
  std::uint32_t tool = 0;
  std::uint32_t config = 0;
  std::uint32_t options = 0;
  std::vector<std::uint32_t> dependencies;
  bool operator==(const TaskEntry&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("type", m.type);
    visit("tool", m.tool);
    visit("config", m.config);
    visit("options", m.options);
    visit("dependencies", m.dependencies);
  }
};

struct WorkflowEntry {
  std::string name;
  std::vector<std::uint32_t> tasks;  ///< in the order they are applied, evaluations last
  bool operator==(const WorkflowEntry&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("name", m.name);
    visit("tasks", m.tasks);
  }
};

/// `submission_id` makes submitting idempotent: the same id again gives the same pipeline.
struct Submission {
  std::string submission_id;
  std::string name;
  std::string policy = "landseer";
  std::int64_t priority = 0;
  bool use_cache = true;
  std::string dataset_name;  ///< empty: none
  std::string dataset_variant;
  std::string dataset_params = "{}";
  std::string model_name;    ///< file name of the model script; empty: none
  std::string model_script;  ///< its content
  std::vector<ToolEntry> tools;
  std::vector<std::string> configs;  ///< JSON objects
  std::vector<OptionsEntry> options;
  std::vector<TaskEntry> tasks;
  std::vector<WorkflowEntry> workflows;
  /// Names that the folder of the data set must have, those of folders with a `/` behind.
  std::vector<std::string> dataset_required{};
  std::uint64_t stop_after = 0;          ///< complete workflows that are enough; 0: all are wanted
  std::vector<std::string> stop_when{};  ///< rules of domain::StopRule, at most kStopRulesMax
  bool operator==(const Submission&) const = default;

  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("submission_id", m.submission_id);
    visit("name", m.name);
    visit("policy", m.policy);
    visit("priority", m.priority);
    visit("use_cache", m.use_cache);
    visit("dataset_name", m.dataset_name);
    visit("dataset_variant", m.dataset_variant);
    visit("dataset_params", m.dataset_params);
    visit("model_name", m.model_name);
    visit("model_script", as_bytes(m.model_script));
    visit("tools", m.tools);
    visit("configs", m.configs);
    visit("options", m.options);
    visit("tasks", m.tasks);
    visit("workflows", m.workflows);
    visit("dataset_required", added(m.dataset_required));
    visit("stop_after", added(m.stop_after));
    visit("stop_when", added(m.stop_when));
  }
};

}  // namespace landseer::protocol
