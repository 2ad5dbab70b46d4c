#include "submitter/cli/targets.h"

#include <nlohmann/json.hpp>

#include "submitter/client/selector.h"

namespace landseer::cli {

Result<std::vector<PipelineId>> find_pipelines(Context& context, std::string_view text) {
  if (const auto id = parse_id<PipelineId>(text)) return std::vector{*id};
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto rows = (*client)->pipelines();
  if (!rows) return tl::make_unexpected(rows.error());
  return client::select_pipelines(text, *rows);
}

std::string Target::text() const {
  if (is_task()) return to_string(what.task);
  std::string text;
  for (const auto& [first, last] : what.workflows) {
    text += (text.empty() ? "" : ", ") + to_string(first);
    if (last != first) text += " to " + to_string(last);
  }
  if (!text.empty()) return text;
  text = to_string(what.pipeline);
  if (what.pruned) text += ", what was pruned";
  return what.tool.empty() ? text : text + ", tool '" + what.tool + "'";
}

nlohmann::ordered_json Target::json() const {
  using Json = nlohmann::ordered_json;
  if (is_task()) return {{"task_id", to_string(what.task)}};
  Json object;
  if (number(what.pipeline) != 0) object["pipeline_id"] = to_string(what.pipeline);
  if (!what.tool.empty()) object["tool"] = what.tool;
  if (what.workflows.empty()) return object;
  Json ranges = Json::array();
  for (const auto& [first, last] : what.workflows) {
    ranges.push_back(first == last ? to_string(first)
                                   : to_string(first) + "-" + std::to_string(number(last)));
  }
  object["workflows"] = std::move(ranges);
  return object;
}

std::string Target::next() const {
  if (is_task()) return "landseer task " + to_string(what.task);
  if (number(what.pipeline) != 0) return "landseer status " + to_string(what.pipeline);
  return "landseer list";
}

Result<std::vector<Target>> find_targets(Context& context, const std::string& text,
                                         const std::string& tool) {
  const bool is_task = text.starts_with(id_prefix(TaskId{}));
  const bool are_workflows = text.starts_with(id_prefix(WorkflowId{}));
  if (!tool.empty() && (is_task || are_workflows)) {
    return fail(ErrorCode::kInvalid,
                "a tool is looked for in pipelines, and '" + text + "' is none", "--tool",
                "name the pipeline: last, pipeline_3 or its name");
  }
  std::vector<Target> targets;
  if (is_task) {
    const auto task = client::select_task(text);
    if (!task) return tl::make_unexpected(task.error());
    targets.emplace_back().what.task = *task;
    return targets;
  }
  if (are_workflows) {
    auto ranges = client::select_workflows(text);
    if (!ranges) return tl::make_unexpected(ranges.error());
    targets.emplace_back().what.workflows = std::move(*ranges);
    return targets;
  }
  const auto ids = find_pipelines(context, text);
  if (!ids) return tl::make_unexpected(ids.error());
  for (const PipelineId id : *ids) {
    Target& target = targets.emplace_back();
    target.what.pipeline = id;
    target.what.tool = tool;
  }
  return targets;
}

Result<PipelineId> find_pipeline(Context& context, std::string_view text) {
  if (const auto id = parse_id<PipelineId>(text)) return *id;
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto rows = (*client)->pipelines();
  if (!rows) return tl::make_unexpected(rows.error());
  return client::select_pipeline(text, *rows);
}

}  // namespace landseer::cli
