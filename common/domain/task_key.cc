#include "common/domain/task_key.h"

#include <algorithm>

namespace landseer::domain {
namespace {

void append_entry(std::string& out, std::string_view key, std::string_view text) {
  append_json_string(out, key);
  out.push_back(':');
  append_json_string(out, text);
}

}  // namespace

std::string key_ingredients(const ToolDefinition& tool, std::string_view config,
                            const TaskOptions& options, const KeyContext& context,
                            std::span<const TaskKey> dependencies) {
  std::vector<TaskKey> sorted(dependencies.begin(), dependencies.end());
  std::sort(sorted.begin(), sorted.end());
  std::string out;
  out.reserve(512 + 67 * sorted.size());
  out += "{";
  append_entry(out, "command", tool.container.command);
  out.append(",\"config\":").append(config) += ",\"dataset\":{";
  append_entry(out, "name", context.dataset_name);
  out += ",\"params\":" + context.dataset_params + ",";
  append_entry(out, "variant", context.dataset_variant);
  out += "},\"dependencies\":[";
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_json_string(out, sorted[i].hex());
  }
  out += "],\"env\":" + options.env + ",";
  append_entry(out, "image", tool.container.image);
  out.push_back(',');
  append_entry(out, "model_script", context.model_script.empty() ? "" : context.model_script.hex());
  out += ",\"runtime\":";
  if (tool.container.runtime) {
    append_json_string(out, *tool.container.runtime);
  } else {
    out += "null";
  }
  out.push_back(',');
  append_entry(out, "tool", tool.name);
  out += "}";
  return out;
}

TaskKey make_task_key(const ToolDefinition& tool, std::string_view config,
                      const TaskOptions& options, const KeyContext& context,
                      std::span<const TaskKey> dependencies) {
  return sha256(key_ingredients(tool, config, options, context, dependencies));
}

}  // namespace landseer::domain
