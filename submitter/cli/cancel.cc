#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"
#include "submitter/client/selector.h"

namespace landseer::cli {
namespace {

std::string name_of(const protocol::Cancel& what) {
  return number(what.task) != 0 ? to_string(what.task) : to_string(what.pipeline);
}

Result<std::vector<protocol::Cancel>> find_targets(Context& context, const std::string& text) {
  std::vector<protocol::Cancel> targets;
  if (text.starts_with(id_prefix(TaskId{}))) {
    const auto task = client::select_task(text);
    if (!task) return tl::make_unexpected(task.error());
    targets.push_back({{}, *task});
    return targets;
  }
  const auto ids = find_pipelines(context, text);
  if (!ids) return tl::make_unexpected(ids.error());
  for (const PipelineId id : *ids) targets.push_back({id, {}});
  return targets;
}

/// `cancel pipeline_3 'digits' with 12 running and 200 pending tasks?`
Result<std::string> question(client::Client& client, const std::vector<protocol::Cancel>& targets) {
  std::string text = "Cancel ";
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (i > 0) text += ", ";
    text += name_of(targets[i]);
    if (number(targets[i].pipeline) == 0) continue;
    const auto status = client.status(targets[i].pipeline);
    if (!status) return tl::make_unexpected(status.error());
    text += fmt::format(" '{}' ({} running, {} pending)", status->row.name, status->row.running,
                        status->row.pending);
  }
  return text + "?";
}

void print_cancelled(Context& context, const protocol::Cancel& what,
                     const protocol::Cancelled& result) {
  if (context.quiet()) return;
  std::string line = fmt::format("{}: {} tasks cancelled", name_of(what), result.tasks);
  if (result.running > 0) line += fmt::format(", {} being stopped", result.running);
  context.print(line + "\n");
}

Json to_json(const protocol::Cancel& what, const protocol::Cancelled& result) {
  return {{number(what.task) != 0 ? "task_id" : "pipeline_id", name_of(what)},
          {"tasks", result.tasks},
          {"running", result.running}};
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
  for (const protocol::Cancel& target : *targets) {
    const auto result = (*client)->cancel(target);
    if (!result) return tl::make_unexpected(result.error());
    if (context.json()) {
      documents.push_back(to_json(target, *result));
    } else {
      print_cancelled(context, target, *result);
    }
  }
  if (context.json()) print_document(context, targets->size() == 1 ? documents[0] : documents);
  const protocol::Cancel& last = targets->back();
  context.next(number(last.task) != 0 ? "landseer task " + name_of(last)
                                      : "landseer status " + name_of(last));
  return kSuccess;
}

}  // namespace landseer::cli
