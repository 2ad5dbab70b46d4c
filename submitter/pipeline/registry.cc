#include "submitter/pipeline/registry.h"

#include <string>
#include <utility>

#include "common/protocol/limits.h"
#include "submitter/pipeline/tool_reader.h"

namespace landseer::pipeline {
namespace {

/// The mapping below `key` at the top of a registry file; an error when it is missing or empty.
const Node* registry_map(Fields& top, const std::string& key) {
  const Node* node = top.map(key);
  if (node == nullptr || node->entries.empty()) {
    top.missing(key,
                "write `" + key + ":` at the top level and one `name:` mapping per entry below");
  }
  return node;
}

bool check_key(const Node& key, const std::string& kind, Diagnostics& out) {
  const std::string trouble = name_trouble(key.text);
  if (trouble.empty()) return true;
  out.error("the key of a " + kind + " " + trouble, key.place(),
            "use 1 to 128 bytes of printable text");
  return false;
}

/// Workers tell what is in the folder itself: of a path its first part must be a name.
std::vector<std::string> read_required(Fields& fields, std::string_view key) {
  std::vector<std::string> paths = fields.texts(key);
  for (const std::string& path : paths) {
    const std::string trouble = name_trouble(path.substr(0, path.find('/')));
    if (trouble.empty()) continue;
    fields.error(key, "a name in '" + std::string(key) + "' of " + fields.what() + " " + trouble,
                 "use 1 to 128 bytes of printable text");
    return {};
  }
  return paths;
}

DatasetSpec read_dataset(Fields& fields, std::string name) {
  DatasetSpec spec;
  spec.name = std::move(name);
  spec.default_image = fields.text("default_image").value_or("");
  spec.required_files = read_required(fields, "required_files");
  spec.required_dirs = read_required(fields, "required_dirs");
  if (spec.required_files.size() + spec.required_dirs.size() > protocol::kDatasetNamesMax) {
    fields.error("required_files",
                 "more than " + std::to_string(protocol::kDatasetNamesMax) +
                     " names are required of " + fields.what(),
                 "name a few that show that all is there");
  }
  spec.source_artifacts_dir = fields.text("source_artifacts_dir").value_or("");
  for (const auto key : {"min_total_samples", "require_image_dir", "description"}) fields.has(key);
  if (const Node* variants = fields.map("variants")) {
    for (const Node::Entry& entry : variants->entries) {
      std::string& image = spec.variants[entry.key->text];
      if (entry.value->is_null()) continue;
      Fields variant(*entry.value, "the variant '" + entry.key->text + "'", fields.diagnostics());
      image = variant.text("image").value_or("");
      variant.map("labels");
      variant.finish();
    }
  }
  fields.finish();
  return spec;
}

EvaluatorSpec read_evaluator(Fields& fields, const std::string& key,
                             const std::vector<std::string>& common_roots) {
  EvaluatorSpec spec;
  spec.tool = read_tool(fields, key);
  spec.required_artifacts = fields.texts("required_artifacts");
  spec.artifact_roots = common_roots;
  for (std::string& root : fields.texts("artifact_roots")) {
    spec.artifact_roots.push_back(std::move(root));
  }
  spec.metrics = fields.texts("metrics");
  spec.defense_types = fields.texts("defense_types");
  fields.finish();
  return spec;
}

template <class Registry>
Result<Loaded<Registry>> load(const std::string& path,
                              Registry (*read)(const Node& root, Diagnostics& out)) {
  Diagnostics out;
  Document document;
  Loaded<Registry> loaded;
  if (const Node* root = document.parse_file(path, out)) loaded.registry = read(*root, out);
  if (out.failed()) return out.failure();
  loaded.warnings = out.take_warnings();
  return loaded;
}

}  // namespace

void ToolRegistry::add(ToolSpec spec) {
  const auto [at, is_new] = index_.try_emplace(spec.key, tools_.size());
  if (is_new) {
    tools_.push_back(std::move(spec));
  } else {
    tools_[at->second] = std::move(spec);
  }
}

const ToolSpec* ToolRegistry::find(std::string_view key) const {
  const auto at = index_.find(std::string(key));
  return at == index_.end() ? nullptr : &tools_[at->second];
}

std::vector<std::string> ToolRegistry::keys() const {
  std::vector<std::string> keys;
  keys.reserve(tools_.size());
  for (const ToolSpec& spec : tools_) keys.push_back(spec.key);
  return keys;
}

void read_tools(const Node& tools, ToolRegistry& registry, Diagnostics& out) {
  for (const Node::Entry& entry : tools.entries) {
    if (!check_key(*entry.key, "tool", out)) continue;
    Fields fields(*entry.value, "the tool '" + entry.key->text + "'", out);
    if (!entry.value->is_map()) continue;
    registry.add(read_tool(fields, entry.key->text));
    fields.finish();
  }
}

ToolRegistry read_tool_registry(const Node& root, Diagnostics& out) {
  ToolRegistry registry;
  Fields top(root, "the tool registry", out);
  if (const Node* tools = registry_map(top, "tools")) read_tools(*tools, registry, out);
  top.finish();
  return registry;
}

DatasetRegistry read_dataset_registry(const Node& root, Diagnostics& out) {
  DatasetRegistry registry;
  Fields top(root, "the dataset registry", out);
  if (const Node* datasets = registry_map(top, "datasets")) {
    for (const Node::Entry& entry : datasets->entries) {
      if (!check_key(*entry.key, "dataset", out)) continue;
      Fields fields(*entry.value, "the dataset '" + entry.key->text + "'", out);
      registry[entry.key->text] = read_dataset(fields, entry.key->text);
    }
  }
  top.finish();
  return registry;
}

std::vector<EvaluatorSpec> read_evaluator_registry(const Node& root, Diagnostics& out) {
  std::vector<EvaluatorSpec> registry;
  Fields top(root, "the evaluator registry", out);
  const std::vector<std::string> roots = top.texts("artifact_roots");
  if (const Node* evaluators = top.map("evaluators")) {
    for (const Node::Entry& entry : evaluators->entries) {
      if (!check_key(*entry.key, "evaluator", out)) continue;
      Fields fields(*entry.value, "the evaluator '" + entry.key->text + "'", out);
      if (entry.value->is_map()) registry.push_back(read_evaluator(fields, entry.key->text, roots));
    }
  } else if (!top.has("evaluators")) {
    top.missing("evaluators", "write `evaluators:` at the top level, `{}` for none");
  }
  top.finish();
  return registry;
}

Result<Loaded<ToolRegistry>> load_tools(const std::string& path) {
  return load<ToolRegistry>(path, read_tool_registry);
}

Result<Loaded<DatasetRegistry>> load_datasets(const std::string& path) {
  return load<DatasetRegistry>(path, read_dataset_registry);
}

Result<Loaded<std::vector<EvaluatorSpec>>> load_evaluators(const std::string& path) {
  return load<std::vector<EvaluatorSpec>>(path, read_evaluator_registry);
}

}  // namespace landseer::pipeline
