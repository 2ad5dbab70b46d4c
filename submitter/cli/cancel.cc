#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

/// `cancel pipeline_3 'digits' with 12 running and 200 pending tasks?`
Result<std::string> question(client::Client& client, const std::vector<Target>& targets) {
  std::string text = "Cancel ";
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (i > 0) text += ", ";
    text += targets[i].id();
    if (targets[i].is_task()) continue;
    const auto status = client.status(targets[i].pipeline);
    if (!status) return tl::make_unexpected(status.error());
    text += fmt::format(" '{}' ({} running, {} pending)", status->row.name, status->row.running,
                        status->row.pending);
  }
  return text + "?";
}

void print_cancelled(Context& context, const Target& what, const protocol::Cancelled& result) {
  if (context.quiet()) return;
  std::string line = fmt::format("{}: {} tasks cancelled", what.id(), result.tasks);
  if (result.running > 0) line += fmt::format(", {} being stopped", result.running);
  context.print(line + "\n");
}

Json to_json(const Target& what, const protocol::Cancelled& result) {
  return {{what.id_field(), what.id()}, {"tasks", result.tasks}, {"running", result.running}};
}

}  // namespace

Result<int> run_cancel(Context& context, const CancelOptions& options) {
  const auto targets = find_targets(context, options.target);
  if (!targets) return tl::make_unexpected(targets.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  if (!options.yes) {
    const auto text = question(**client, *targets);
    if (!text) return tl::make_unexpected(text.error());
    const auto agreed = context.confirm(*text, "--yes");
    if (!agreed) return tl::make_unexpected(agreed.error());
    if (!*agreed) {
      context.note("nothing was cancelled");
      return kFailed;
    }
  }
  Json documents = Json::array();
  for (const Target& target : *targets) {
    const auto result = (*client)->cancel({target.pipeline, target.task});
    if (!result) return tl::make_unexpected(result.error());
    if (context.json()) {
      documents.push_back(to_json(target, *result));
    } else {
      print_cancelled(context, target, *result);
    }
  }
  if (context.json()) print_document(context, targets->size() == 1 ? documents[0] : documents);
  const Target& last = targets->back();
  context.next((last.is_task() ? "landseer task " : "landseer status ") + last.id());
  return kSuccess;
}

}  // namespace landseer::cli
