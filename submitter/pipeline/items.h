/// From an item of a stage or a workflow to a tool ready for use: the catalogue that names refer
/// to, overrides of the item, and the settings of everything around it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "submitter/pipeline/file.h"
#include "submitter/pipeline/registry.h"

namespace landseer::pipeline {

/// The tools a pipeline file can name: its own ones first, then the registry, which is read only
/// when a name is not the file's own, or when a flag names it.
class Catalogue {
 public:
  Catalogue(std::string pipeline_path, std::string registry_flag, Diagnostics& out)
      : pipeline_path_(std::move(pipeline_path)),
        registry_path_(std::move(registry_flag)),
        out_(out) {
    if (!registry_path_.empty()) load_registry();
  }

  void add_own(const Node& tools);
  /// Null and an error that names the nearest key when nobody knows `key`.
  const ToolSpec* find(const std::string& key, const std::string& place);

 private:
  void load_registry();
  void report_unknown(const std::string& key, const std::string& place);

  std::string pipeline_path_;
  std::string registry_path_;
  Diagnostics& out_;
  ToolRegistry own_;
  ToolRegistry registry_;
  bool loaded_ = false;
};

/// What loading one file shares.
struct LoadContext {
  Diagnostics& out;
  Catalogue& catalogue;
  PipelineFile& file;
  Settings defaults;
  bool saw_reference = false;  ///< an item named a tool instead of defining it
  bool saw_docker = false;     ///< an item of the oldest form, which knew no model
};

/// Where an item stands.
struct ItemScope {
  Settings settings{};                     ///< of the defaults and the stage or workflow
  std::optional<domain::TaskType> type{};  ///< empty: the tool's own stage, else pre_training
  bool must_fit = false;                   ///< the tool's `defense_stage` must be `type`
  bool name_is_tool = true;                ///< `name` of a mapping names the tool, not the task
};

struct ItemUse {
  ToolUse use;
  domain::TaskType type = domain::TaskType::kPreTraining;
};

/// An item that is only a name.
std::optional<ItemUse> use_named(const Node& item, const ItemScope& scope, LoadContext& context);

/// An item that is a mapping; the caller reads keys of its own and calls finish().
std::optional<ItemUse> use_mapping(Fields& item, const ItemScope& scope, LoadContext& context);

}  // namespace landseer::pipeline
