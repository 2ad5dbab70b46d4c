/// The catalogues that pipeline files refer to: `tools.yaml`, `datasets.yaml` and
/// `evaluators.yaml`. Normative text: docs/pipelines.md, "Registries". Blocking reads; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"
#include "common/domain/tool.h"
#include "common/domain/types.h"
#include "submitter/pipeline/settings.h"

namespace landseer::pipeline {

/// A tool as a catalogue or an inline item defines it.
struct ToolSpec {
  std::string key;                        ///< what pipeline files call it
  domain::ToolDefinition tool;            ///< its display name is `name`, by default the key
  std::optional<domain::TaskType> stage;  ///< from `defense_stage`; empty: fits anywhere
  Settings settings;
  std::string place;  ///< `file:line:column` of its definition
};

class ToolRegistry {
 public:
  /// A second tool with the same key replaces the first.
  void add(ToolSpec spec);
  /// Null when there is no such key. Valid until the next add().
  const ToolSpec* find(std::string_view key) const;
  /// In the order of the file.
  const std::vector<ToolSpec>& tools() const { return tools_; }
  /// The keys, for "did you mean".
  std::vector<std::string> keys() const;

 private:
  std::vector<ToolSpec> tools_;
  std::unordered_map<std::string, std::size_t> index_;
};

struct DatasetSpec {
  std::string name;
  std::string default_image;
  std::vector<std::string> required_files;
  std::vector<std::string> required_dirs;
  std::string source_artifacts_dir;
  std::map<std::string, std::string> variants;  ///< name to image, which may be empty
};

using DatasetRegistry = std::map<std::string, DatasetSpec>;

struct EvaluatorSpec {
  ToolSpec tool;
  std::vector<std::string> required_artifacts;
  std::vector<std::string> artifact_roots;  ///< the file's own list first, then the evaluator's
  std::vector<std::string> metrics;
  std::vector<std::string> defense_types;  ///< kept for the reader; nothing depends on it
};

template <class Registry>
struct Loaded {
  Registry registry;
  std::vector<std::string> warnings;  ///< `file:line:column: text`
};

/// Errors name the place and the mending; kNotFound or kIo when the file cannot be read.
Result<Loaded<ToolRegistry>> load_tools(const std::string& path);
Result<Loaded<DatasetRegistry>> load_datasets(const std::string& path);
Result<Loaded<std::vector<EvaluatorSpec>>> load_evaluators(const std::string& path);

/// The stage that a `defense_stage` label means, the synonyms of the reference implementation
/// included, in any case: `pre`, `in_training`, `during_training`, `posttrain`, `deploy`, ...
std::optional<domain::TaskType> parse_stage(std::string_view label);

}  // namespace landseer::pipeline
