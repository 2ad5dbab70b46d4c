/// Pipeline files: what a user writes, validated and brought into one form, whichever of the three
/// forms it has. Normative text: docs/pipelines.md. Blocking reads; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/domain/config.h"
#include "common/domain/tool.h"
#include "common/domain/types.h"
#include "submitter/pipeline/expansion.h"

namespace landseer::pipeline {

enum class Form : std::uint8_t {
  kRegistry,  ///< stages that name tools of a registry, at least one
  kInline,    ///< stages that define their tools
  kNative,    ///< workflows written out
};

struct LoadOptions {
  /// Registries named by flags; empty: `tools.yaml` and `datasets.yaml` are looked for beside the
  /// file and one folder up when they are needed, evaluators not at all.
  std::string tools{};
  std::string datasets{};
  std::string evaluators{};
  /// `key=value` with a dotted path into the file: `dataset.variant=poisoned`,
  /// `defaults.timeout=5m`, `workflows.0.name=first`. The value is YAML.
  std::vector<std::string> set{};
  /// True: the model script must be there and is read. False: a missing one is a warning.
  bool read_model = false;
};

/// A tool as it is used at one place: everything a task needs but its dependencies.
struct ToolUse {
  std::string key;  ///< in the registry; the display name of an inline tool
  domain::ToolDefinition tool;
  domain::Config config;  ///< `stage`, `tool_name` and what the item adds
  domain::TaskOptions options;
  std::string place;  ///< `file:line:column` of the item
};

struct Stage {
  domain::TaskType type = domain::TaskType::kPreTraining;
  std::vector<ToolUse> tools;  ///< in the order of the file; `noop` of the inline form last
};

struct NativeTask {
  std::string name;  ///< the tool's key unless the file gives one
  domain::TaskType type = domain::TaskType::kPreTraining;
  ToolUse use;
  std::vector<std::uint32_t> needs;  ///< indices of earlier tasks of the workflow, distinct
};

/// Tasks stand in an order in which they can run, as close to the file's as possible.
struct NativeWorkflow {
  std::string name;
  std::vector<NativeTask> tasks;
};

struct Dataset {
  std::string name;           ///< as written; empty: none
  std::string variant;        ///< `clean` unless the file says otherwise
  std::string params = "{}";  ///< canonical JSON
  /// From the registry: names in its folder, those of folders with a `/` behind.
  std::vector<std::string> required;
};

struct Model {
  std::string script;   ///< as written; empty: none
  std::string path;     ///< where it was found; empty: nowhere
  std::string content;  ///< with LoadOptions::read_model
  std::string framework;
};

struct PipelineFile {
  std::string path;
  Form form = Form::kRegistry;
  std::string name;  ///< the file's stem unless the file gives one
  std::string policy = "landseer";
  std::int64_t priority = 0;
  std::uint64_t stop_after = 0;        ///< complete workflows; 0: all
  std::vector<std::string> stop_when;  ///< rules of domain::StopRule
  std::optional<Expansion> expansion;  ///< what the file asks for; a flag goes before it
  Dataset dataset;
  Model model;
  std::array<Stage, 4> stages;            ///< empty ones in the native form
  std::vector<NativeWorkflow> workflows;  ///< native form only
  std::vector<ToolUse> evaluators;        ///< in the order of their file
  std::string body_place;                 ///< where `pipeline:` or `workflows:` begins
  std::vector<std::string> warnings;      ///< `file:line:column: text`
};

/// Errors have kInvalid, kLimit, or for unreadable files kNotFound and kIo; `where` is
/// `file:line:column` and `hint` says how to mend it. Model scripts are at most 64 MiB of UTF-8.
Result<PipelineFile> load(const std::string& path, const LoadOptions& options = {});

}  // namespace landseer::pipeline
