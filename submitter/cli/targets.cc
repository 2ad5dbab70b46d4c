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

Result<PipelineId> find_pipeline(Context& context, std::string_view text) {
  if (const auto id = parse_id<PipelineId>(text)) return *id;
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto rows = (*client)->pipelines();
  if (!rows) return tl::make_unexpected(rows.error());
  return client::select_pipeline(text, *rows);
}

}  // namespace landseer::cli
