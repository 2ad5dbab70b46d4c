#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {

Result<int> run_retry(Context& context, const RetryOptions& options) {
  const auto targets = find_targets(context, options.target);
  if (!targets) return tl::make_unexpected(targets.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  Json documents = Json::array();
  for (const Target& target : *targets) {
    const auto result = (*client)->retry({target.pipeline, target.task});
    if (!result) return tl::make_unexpected(result.error());
    if (context.json()) {
      documents.push_back(
          {{target.id_field(), target.id()}, {"tasks", result->tasks}, {"paused", result->paused}});
    } else if (!context.quiet()) {
      context.print(fmt::format("{}: {} tasks pending again{}\n", target.id(), result->tasks,
                                result->paused ? "; their pipeline is paused" : ""));
    }
  }
  if (context.json()) print_document(context, targets->size() == 1 ? documents[0] : documents);
  const Target& last = targets->back();
  context.next((last.is_task() ? "landseer task " : "landseer watch ") + last.id());
  return kSuccess;
}

}  // namespace landseer::cli
