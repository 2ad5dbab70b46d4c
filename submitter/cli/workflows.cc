#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "common/domain/types.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/table.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

using Tools = std::unordered_map<std::uint64_t, std::string>;  // by task number

Table workflows_table(const std::vector<protocol::WorkflowRow>& rows, const Tools& tools) {
  Table table({{"WORKFLOW"},
               {.title = "NAME", .width_min = 8},
               {"STATUS"},
               {.title = "COMPLETED", .side = Side::kRight},
               {.title = "TOOLS", .width_min = 12, .optional = true}});
  for (const protocol::WorkflowRow& row : rows) {
    const auto status = static_cast<domain::TaskStatus>(row.status);
    std::string chain;
    for (const TaskId id : row.tasks) {
      const auto tool = tools.find(number(id));
      if (tool == tools.end()) continue;
      chain += (chain.empty() ? "" : " -> ") + tool->second;
    }
    table.add({to_string(row.workflow),
               row.name,
               {row.pruned ? "pruned" : std::string(domain::to_string(status)), color_of(status)},
               fmt::format("{}/{}", row.completed, row.tasks.size()),
               chain});
  }
  return table;
}

}  // namespace

Result<int> run_workflows(Context& context, const PipelineOptions& options) {
  const auto id = find_pipeline(context, options.pipeline);
  if (!id) return tl::make_unexpected(id.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto rows = (*client)->workflows(*id);
  if (!rows) return tl::make_unexpected(rows.error());
  if (context.json()) {
    print_document(context, to_json_array(*rows));
    return kSuccess;
  }
  if (context.quiet()) {
    for (const auto& row : *rows) context.print(to_string(row.workflow) + "\n");
    return kSuccess;
  }
  const auto tasks = (*client)->tasks(*id);
  if (!tasks) return tl::make_unexpected(tasks.error());
  Tools tools;
  for (const protocol::TaskRow& task : *tasks) {
    if (task.type != static_cast<std::uint8_t>(domain::TaskType::kEvaluation)) {
      tools.emplace(number(task.task), task.tool);
    }
  }
  context.print(workflows_table(*rows, tools).text(context.out()));
  context.next("landseer results " + to_string(*id));
  return kSuccess;
}

}  // namespace landseer::cli
