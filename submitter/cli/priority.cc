#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {

Result<int> run_priority(Context& context, const PriorityOptions& options) {
  const auto ids = find_pipelines(context, options.pipeline);
  if (!ids) return tl::make_unexpected(ids.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  Json documents = Json::array();
  for (const PipelineId id : *ids) {
    const auto result = (*client)->set_priority({id, options.priority});
    if (!result) return tl::make_unexpected(result.error());
    if (context.json()) {
      documents.push_back({{"pipeline_id", to_string(id)},
                           {"priority", options.priority},
                           {"before", result->before}});
    } else if (!context.quiet()) {
      context.print(fmt::format("{}: priority {}, was {}\n", to_string(id), options.priority,
                                result->before));
    }
  }
  if (context.json()) print_document(context, ids->size() == 1 ? documents[0] : documents);
  context.next("landseer list");
  return kSuccess;
}

}  // namespace landseer::cli
