#include <map>
#include <string_view>
#include <tuple>

#include "submitter/pipeline/body.h"
#include "submitter/pipeline/tool_reader.h"

namespace landseer::pipeline {
namespace {

using domain::TaskType;

constexpr std::array<TaskType, 4> kStageTypes{TaskType::kPreTraining, TaskType::kInTraining,
                                              TaskType::kPostTraining, TaskType::kDeployment};

void report_missing(const Node& pipeline, const Fields& stages, TaskType type, Diagnostics& out) {
  const std::string key(domain::stage_key(type));
  const Node* slip = nullptr;
  for (const Node::Entry& entry : pipeline.entries) {
    if (parse_stage(entry.key->text) == type) slip = entry.key;
  }
  if (slip == nullptr) slip = stages.slip_of(key);
  out.error("the stage '" + key + "' is missing",
            slip != nullptr ? slip->place() : pipeline.place(),
            slip != nullptr ? "rename '" + slip->text + "' to '" + key + "'"
                            : "add `" + key + ": {tools: []}`; a stage may be empty");
}

void add_item(const Node& item, const ItemScope& scope, bool is_noop, Stage& stage,
              LoadContext& context) {
  const std::string key(domain::stage_key(stage.type));
  std::optional<ItemUse> used;
  if (item.is_text()) {
    used = use_named(item, scope, context);
  } else {
    Fields fields(item, (is_noop ? "the noop of " : "an item of ") + key, context.out);
    if (!item.is_map()) return;
    used = use_mapping(fields, scope, context);
    // After a failed item its keys are not all known yet, and there is an error already.
    if (used) fields.finish();
  }
  if (!used) return;
  if (is_noop) used->use.tool.is_baseline = true;
  stage.tools.push_back(std::move(used->use));
}

/// Entries that are the same work, and several baselines, are legal but seldom meant.
void warn_of_oddities(const Stage& stage, Diagnostics& out) {
  const std::string key(domain::stage_key(stage.type));
  std::map<std::tuple<std::string, std::string, std::string, std::string>, std::string> seen;
  const ToolUse* baseline = nullptr;
  for (const ToolUse& use : stage.tools) {
    const auto identity = std::make_tuple(use.tool.name, use.tool.container.image,
                                          use.tool.container.command, use.config.text());
    const auto [at, is_new] = seen.try_emplace(identity, use.place);
    if (!is_new) {
      out.warn(use.place, "the tool '" + use.key + "' is listed in " + key + " before (" +
                              at->second + "); its workflows appear twice");
    }
    if (!use.tool.is_baseline) continue;
    if (baseline != nullptr) {
      out.warn(use.place, key + " has several baselines ('" + baseline->key + "' and '" + use.key +
                              "'); each is an option, while the original Landseer keeps the last");
    }
    baseline = &use;
  }
}

void read_stage(const Node& node, Stage& stage, LoadContext& context) {
  const std::string key(domain::stage_key(stage.type));
  if (node.is_null()) {
    context.out.warn(node.place(), "the stage '" + key + "' has no tools");
    return;
  }
  if (node.is_list()) {
    context.out.error("the stage '" + key + "' must be a mapping", node.place(),
                      "write `tools:` below '" + key + "' and the list below that");
    return;
  }
  Fields fields(node, "the stage '" + key + "'", context.out);
  const ItemScope scope{.settings = overlay(context.defaults, read_settings(fields)),
                        .type = stage.type,
                        .must_fit = true};
  fields.unused("priority", "it belongs at the top level, for the whole pipeline");
  fields.unused("policy", "it belongs at the top level, for the whole pipeline");
  if (const Node* tools = fields.list("tools")) {
    for (const Node* item : tools->items) add_item(*item, scope, false, stage, context);
  }
  if (const Node* noop = fields.find("noop")) add_item(*noop, scope, true, stage, context);
  fields.finish();
  warn_of_oddities(stage, context.out);
}

}  // namespace

void read_stages(const Node& pipeline, LoadContext& context) {
  Fields stages(pipeline, "'pipeline'", context.out);
  if (!pipeline.is_map()) return;
  for (const TaskType type : kStageTypes) stages.has(domain::stage_key(type));
  std::size_t tools = 0;
  for (std::size_t i = 0; i < kStageTypes.size(); ++i) {
    Stage& stage = context.file.stages[i];
    stage.type = kStageTypes[i];
    const std::string_view key = domain::stage_key(stage.type);
    if (!stages.has(key)) {
      report_missing(pipeline, stages, stage.type, context.out);
      continue;
    }
    read_stage(*pipeline.find(key), stage, context);
    tools += stage.tools.size();
  }
  stages.finish();
  if (tools == 0) context.out.warn(pipeline.place(), "no stage has a tool; nothing will run");
}

}  // namespace landseer::pipeline
