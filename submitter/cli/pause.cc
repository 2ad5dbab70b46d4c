#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

std::string line(const protocol::Pause& what, const protocol::Paused& result) {
  const std::string id = to_string(what.pipeline);
  if (!what.paused) return id + (result.changed ? ": goes on\n" : ": was not paused\n");
  if (!result.changed) return id + ": was paused already\n";
  if (result.running == 0) return id + ": paused\n";
  return fmt::format("{}: paused; {} running attempts go on\n", id, result.running);
}

Json to_json(const protocol::Pause& what, const protocol::Paused& result) {
  return {{"pipeline_id", to_string(what.pipeline)},
          {"state", what.paused ? "paused" : "running"},
          {"changed", result.changed},
          {"running", result.running}};
}

Result<int> set_paused(Context& context, const PipelineOptions& options, bool paused) {
  const auto ids = find_pipelines(context, options.pipeline);
  if (!ids) return tl::make_unexpected(ids.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  Json documents = Json::array();
  for (const PipelineId id : *ids) {
    const protocol::Pause what{id, paused};
    const auto result = (*client)->set_paused(what);
    if (!result) return tl::make_unexpected(result.error());
    if (context.json()) {
      documents.push_back(to_json(what, *result));
    } else if (!context.quiet()) {
      context.print(line(what, *result));
    }
  }
  if (context.json()) print_document(context, ids->size() == 1 ? documents[0] : documents);
  context.next((paused ? "landseer resume " : "landseer watch ") + to_string(ids->back()));
  return kSuccess;
}

}  // namespace

Result<int> run_pause(Context& context, const PipelineOptions& options) {
  return set_paused(context, options, true);
}

Result<int> run_resume(Context& context, const PipelineOptions& options) {
  return set_paused(context, options, false);
}

}  // namespace landseer::cli
