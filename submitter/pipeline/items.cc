#include "submitter/pipeline/items.h"

#include <array>

#include "common/base/text.h"
#include "submitter/pipeline/disk.h"
#include "submitter/pipeline/scalar.h"
#include "submitter/pipeline/tool_reader.h"

namespace landseer::pipeline {
namespace {

Node text_node(std::string text) {
  Node node;
  node.kind = Node::Kind::kText;
  node.plain = false;
  node.text = std::move(text);
  return node;
}

/// `{stage, tool_name}` and what the item adds, which may replace them.
domain::Config complete_config(const Node* added, domain::TaskType type, const std::string& name,
                               Diagnostics& out) {
  if (added == nullptr) {
    return domain::Config({{"stage", domain::stage_key(type)}, {"tool_name", name}});
  }
  Node whole = *added;
  Node stage_key = text_node("stage");
  Node stage = text_node(std::string(domain::stage_key(type)));
  Node name_key = text_node("tool_name");
  Node tool_name = text_node(name);
  if (whole.find("stage") == nullptr) whole.entries.push_back({&stage_key, &stage});
  if (whole.find("tool_name") == nullptr) whole.entries.push_back({&name_key, &tool_name});
  return read_config(whole, out);
}

std::optional<ItemUse> make_use(const ToolSpec& spec, const ItemScope& scope,
                                const std::string& place, LoadContext& context) {
  if (scope.must_fit && spec.stage && scope.type && *spec.stage != *scope.type) {
    const std::string listed(domain::stage_key(*scope.type));
    const std::string fitting(domain::stage_key(*spec.stage));
    context.out.error("the tool '" + spec.key + "' is listed in " + listed +
                          ", but its defense_stage is " + fitting + " (" + spec.place + ")",
                      place, "move it to " + fitting + ", or correct its defense_stage");
    return std::nullopt;
  }
  ItemUse result;
  result.type = scope.type.value_or(spec.stage.value_or(domain::TaskType::kPreTraining));
  result.use.key = spec.key;
  result.use.tool = spec.tool;
  result.use.place = place;
  return result;
}

/// `command` replaces the tool's, `args` comes after it.
void override_command(Fields& item, domain::ContainerConfig& container) {
  const bool replaced = item.find("command") != nullptr;
  if (replaced) container.command = read_command(item, "command");
  const std::string args = read_command(item, "args");
  if (args.empty()) return;
  if (!container.command.empty()) container.command.push_back(' ');
  container.command += args;
  if (replaced) {
    item.diagnostics().warn(item.place("args"),
                            "'args' is appended to 'command'; the original Landseer ignores it "
                            "when both are given");
  }
}

/// The key by which a mapping names a tool; empty and an error when it names none.
std::string referred_key(Fields& item, bool name_is_tool) {
  std::string key;
  for (const std::string_view word : {"tool", "id", "name"}) {
    if (word == "name" && !name_is_tool) continue;
    if (!key.empty()) {
      item.unused(word, "the tool is named already");
    } else if (item.has(word)) {
      key = item.text(word).value_or("");
    }
  }
  if (key.empty()) {
    item.diagnostics().error(item.what() + " names no tool and has no 'container'", item.place(),
                             "add `tool: key`, or `name` and `container` to define one here");
  }
  return key;
}

bool is_inline(Fields& item) { return item.has("container") || item.has("docker"); }

std::optional<ToolSpec> inline_spec(Fields& item, LoadContext& context) {
  context.saw_docker = context.saw_docker || item.find("docker") != nullptr;
  const std::string name = item.text("name").value_or("");
  if (name.empty()) {
    item.missing("name", "add `name:` beside its container");
    return std::nullopt;
  }
  return read_tool(item, name);
}

}  // namespace

void Catalogue::add_own(const Node& tools) { read_tools(tools, own_, out_); }

const ToolSpec* Catalogue::find(const std::string& key, const std::string& place) {
  if (const ToolSpec* spec = own_.find(key)) return spec;
  if (!loaded_) load_registry();
  if (out_.failed()) return nullptr;
  const ToolSpec* spec = registry_.find(key);
  if (spec == nullptr) report_unknown(key, place);
  return spec;
}

void Catalogue::load_registry() {
  loaded_ = true;
  if (registry_path_.empty()) registry_path_ = find_registry(pipeline_path_, "tools.yaml");
  if (registry_path_.empty()) return;
  Document document;
  if (const Node* root = document.parse_file(registry_path_, out_)) {
    registry_ = read_tool_registry(*root, out_);
  }
}

void Catalogue::report_unknown(const std::string& key, const std::string& place) {
  if (registry_path_.empty() && own_.tools().empty()) {
    out_.error("the tool '" + key + "' is not defined: no tools.yaml lies beside the file or one " +
                   "folder up",
               place, "name one with --tools FILE, or define the tool here with a container");
    return;
  }
  std::vector<std::string> keys = own_.keys();
  for (std::string& known : registry_.keys()) keys.push_back(std::move(known));
  std::string hint = "list it in " +
                     (registry_path_.empty() ? "'tools' of this file" : registry_path_) +
                     ", or correct the name";
  const std::string nearest = nearest_word(key, keys);
  if (!nearest.empty()) hint = "did you mean '" + nearest + "'?";
  for (const ToolRegistry* registry : {&own_, &registry_}) {
    for (const ToolSpec& spec : registry->tools()) {
      if (spec.tool.name == key) hint = "use its key '" + spec.key + "' instead of its name";
    }
  }
  out_.error("unknown tool '" + key + "'", place, hint);
}

std::optional<ItemUse> use_named(const Node& item, const ItemScope& scope, LoadContext& context) {
  context.saw_reference = true;
  const ToolSpec* spec = context.catalogue.find(item.text, item.place());
  if (spec == nullptr) return std::nullopt;
  auto result = make_use(*spec, scope, item.place(), context);
  if (!result) return std::nullopt;
  result->use.config = complete_config(nullptr, result->type, spec->tool.name, context.out);
  const Settings settings = overlay(scope.settings, spec->settings);
  apply_runtime(settings, result->use.tool.container);
  result->use.options = to_options(settings);
  return result;
}

std::optional<ItemUse> use_mapping(Fields& item, const ItemScope& scope, LoadContext& context) {
  std::optional<ToolSpec> spec;
  Settings settings = scope.settings;
  if (is_inline(item)) {
    spec = inline_spec(item, context);
    item.unused("tool", "the item defines its tool with 'container'");
    item.unused("id", "the item defines its tool with 'container'");
  } else {
    context.saw_reference = true;
    const std::string key = referred_key(item, scope.name_is_tool);
    if (key.empty()) return std::nullopt;
    const ToolSpec* found = context.catalogue.find(key, item.place());
    if (found != nullptr) spec = *found;
  }
  if (!spec) return std::nullopt;
  settings = overlay(std::move(settings), spec->settings);
  if (!is_inline(item)) settings = overlay(std::move(settings), read_settings(item));
  auto result = make_use(*spec, scope, item.place(), context);
  if (!result) return std::nullopt;
  override_command(item, result->use.tool.container);
  apply_runtime(settings, result->use.tool.container);
  result->use.config =
      complete_config(item.map("config"), result->type, spec->tool.name, context.out);
  result->use.options = to_options(settings);
  return result;
}

}  // namespace landseer::pipeline
