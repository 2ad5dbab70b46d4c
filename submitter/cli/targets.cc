#include "submitter/cli/targets.h"

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

Result<std::vector<Target>> find_targets(Context& context, const std::string& text) {
  if (text.starts_with(id_prefix(TaskId{}))) {
    const auto task = client::select_task(text);
    if (!task) return tl::make_unexpected(task.error());
    return std::vector<Target>{{{}, *task}};
  }
  const auto ids = find_pipelines(context, text);
  if (!ids) return tl::make_unexpected(ids.error());
  std::vector<Target> targets;
  for (const PipelineId id : *ids) targets.push_back({id, {}});
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
