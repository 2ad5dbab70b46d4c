#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

Result<protocol::Retried> retry(client::Client& client, const Target& target) {
  if (target.is_part()) return client.retry_part({target.what});
  return client.retry({target.what.pipeline, target.what.task});
}

Result<std::vector<Target>> targets_of(Context& context, const RetryOptions& options) {
  auto targets = find_targets(context, options.target, options.tool);
  if (!targets || !options.pruned) return targets;
  for (Target& target : *targets) {
    if (target.is_task() || target.is_part()) {
      return fail(ErrorCode::kInvalid,
                  "--pruned means everything that rules pruned in a pipeline, and '" +
                      target.text() + "' is none",
                  "--pruned", "name the pipeline only");
    }
    target.what.pruned = true;
  }
  return targets;
}

}  // namespace

Result<int> run_retry(Context& context, const RetryOptions& options) {
  const auto targets = targets_of(context, options);
  if (!targets) return tl::make_unexpected(targets.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  Json documents = Json::array();
  for (const Target& target : *targets) {
    const auto result = retry(**client, target);
    if (!result) return tl::make_unexpected(result.error());
    if (context.json()) {
      Json object = target.json();
      object["tasks"] = result->tasks;
      object["paused"] = result->paused;
      documents.push_back(std::move(object));
    } else if (!context.quiet()) {
      context.print(fmt::format("{}: {} tasks pending again{}\n", target.text(), result->tasks,
                                result->paused ? "; their pipeline is paused" : ""));
    }
  }
  if (context.json()) print_document(context, targets->size() == 1 ? documents[0] : documents);
  const Target& last = targets->back();
  const bool is_pipeline = number(last.what.pipeline) != 0;
  context.next(is_pipeline ? "landseer watch " + to_string(last.what.pipeline) : last.next());
  return kSuccess;
}

}  // namespace landseer::cli
