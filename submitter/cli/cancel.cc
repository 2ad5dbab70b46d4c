#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

/// `3 tasks end at once, 1 is stopped while it runs, 2 are skipped, 4 go on for other workflows`.
std::string effect(const protocol::Cancelled& plan) {
  std::string text = fmt::format("{} pending", plan.tasks);
  if (plan.running > 0) text += fmt::format(", {} running", plan.running);
  if (plan.skipped > 0) text += fmt::format(", {} skipped with them", plan.skipped);
  if (plan.shared > 0) text += fmt::format(", {} go on for other workflows", plan.shared);
  if (plan.workflows > 0) text += fmt::format(", {} workflows less", plan.workflows);
  return text;
}

/// `Cancel pipeline_3 'digits' (12 running, 200 pending), workflow_7 (3 pending)?`
Result<std::string> question(client::Client& client, const std::vector<Target>& targets) {
  std::string text = "Cancel ";
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (i > 0) text += ", ";
    text += targets[i].text();
    if (targets[i].is_part()) {
      const auto plan = client.cancel_part({targets[i].what, true});
      if (!plan) return tl::make_unexpected(plan.error());
      text += " (" + effect(*plan) + ")";
    } else if (!targets[i].is_task()) {
      const auto status = client.status(targets[i].what.pipeline);
      if (!status) return tl::make_unexpected(status.error());
      text += fmt::format(" '{}' ({} running, {} pending)", status->row.name, status->row.running,
                          status->row.pending);
    }
  }
  return text + "?";
}

std::string done_line(const Target& target, const protocol::Cancelled& result) {
  std::string line = fmt::format("{}: {} tasks cancelled", target.text(), result.tasks);
  if (result.running > 0) line += fmt::format(", {} being stopped", result.running);
  if (result.skipped > 0) line += fmt::format(", {} skipped with them", result.skipped);
  if (result.shared > 0) line += fmt::format(", {} go on for other workflows", result.shared);
  return line + "\n";
}

Json to_json(const Target& target, const protocol::Cancelled& result, bool dry_run) {
  Json object = target.json();
  if (number(result.pipeline) != 0) object["pipeline_id"] = to_string(result.pipeline);
  object["tasks"] = result.tasks;
  object["running"] = result.running;
  if (!target.is_part() && !dry_run) return object;
  object["skipped"] = result.skipped;
  object["shared"] = result.shared;
  object["workflows_lost"] = result.workflows;
  object["dry_run"] = dry_run;
  return object;
}

Result<protocol::Cancelled> cancel(client::Client& client, const Target& target, bool dry_run) {
  if (dry_run || target.is_part()) return client.cancel_part({target.what, dry_run});
  return client.cancel({target.what.pipeline, target.what.task});
}

/// True if the user means it, or was not to be asked.
Result<bool> may_go_on(Context& context, client::Client& client, const CancelOptions& options,
                       const std::vector<Target>& targets) {
  if (options.yes || options.dry_run) return true;
  const auto text = question(client, targets);
  if (!text) return tl::make_unexpected(text.error());
  const auto agreed = context.confirm(*text, "--yes");
  if (agreed && !*agreed) context.note("nothing was cancelled");
  return agreed;
}

}  // namespace

Result<int> run_cancel(Context& context, const CancelOptions& options) {
  const auto targets = find_targets(context, options.target, options.tool);
  if (!targets) return tl::make_unexpected(targets.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto agreed = may_go_on(context, **client, options, *targets);
  if (!agreed) return tl::make_unexpected(agreed.error());
  if (!*agreed) return kFailed;
  Json documents = Json::array();
  PipelineId pipeline{};
  for (const Target& target : *targets) {
    const auto result = cancel(**client, target, options.dry_run);
    if (!result) return tl::make_unexpected(result.error());
    pipeline = result->pipeline;
    if (context.json()) {
      documents.push_back(to_json(target, *result, options.dry_run));
    } else if (options.dry_run) {
      context.print("would cancel " + target.text() + ": " + effect(*result) + "\n");
    } else if (!context.quiet()) {
      context.print(done_line(target, *result));
    }
  }
  if (context.json()) print_document(context, targets->size() == 1 ? documents[0] : documents);
  if (options.dry_run) {
    context.next("landseer cancel " + options.target +
                 (options.tool.empty() ? "" : " --tool '" + options.tool + "'"));
  } else if (targets->back().is_part() && number(pipeline) != 0) {
    context.next("landseer status " + to_string(pipeline));
  } else {
    context.next(targets->back().next());
  }
  return kSuccess;
}

}  // namespace landseer::cli
