#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "common/domain/types.h"
#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/table.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/times.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

Table tasks_table(const std::vector<protocol::TaskRow>& rows) {
  Table table({{"TASK"},
               {.title = "TOOL", .width_min = 8},
               {.title = "TYPE", .optional = true},
               {"STATUS"},
               {.title = "PRIORITY", .side = Side::kRight, .optional = true},
               {.title = "USES", .side = Side::kRight, .optional = true},
               {.title = "ATTEMPTS", .side = Side::kRight, .optional = true},
               {.title = "WORKER", .width_min = 8, .optional = true},
               {.title = "TOOK", .side = Side::kRight},
               {.title = "REASON", .width_min = 10, .optional = true}});
  const std::int64_t now_ms = net::now().wall.unix_ms;
  for (const protocol::TaskRow& row : rows) {
    const auto status = static_cast<domain::TaskStatus>(row.status);
    std::string word(domain::to_string(status));
    if (row.cached) word += " (cached)";
    if (row.ready) word += " (ready)";
    if (row.pruned) word += " (pruned)";
    if (row.evaluation_skipped) word += " (skipped)";
    table.add({to_string(row.task),
               row.tool,
               std::string(domain::to_string(static_cast<domain::TaskType>(row.type))),
               {word, color_of(status)},
               std::to_string(row.priority),
               std::to_string(row.usage_counter),
               std::to_string(row.attempts),
               row.worker,
               elapsed(row.started_at, row.finished_at, now_ms),
               row.reason});
  }
  return table;
}

Result<client::TaskFilter> make_filter(const TasksOptions& options) {
  client::TaskFilter filter{0, options.tool};
  if (options.status.empty()) return filter;
  const auto status = domain::parse_task_status(options.status);
  if (!status) {
    const std::array<std::string, 6> known{"pending", "running", "completed",
                                           "failed",  "skipped", "cancelled"};
    const std::string nearest = nearest_word(options.status, known);
    return fail(ErrorCode::kInvalid, "'" + options.status + "' is not a status", "--status",
                nearest.empty() ? "pending, running, completed, failed, skipped or cancelled"
                                : "did you mean '" + nearest + "'?");
  }
  filter.status = static_cast<std::uint8_t>(*status);
  return filter;
}

}  // namespace

Result<int> run_tasks(Context& context, const TasksOptions& options) {
  const auto filter = make_filter(options);
  if (!filter) return tl::make_unexpected(filter.error());
  const auto id = find_pipeline(context, options.pipeline);
  if (!id) return tl::make_unexpected(id.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto rows = (*client)->tasks(*id, *filter);
  if (!rows) return tl::make_unexpected(rows.error());
  if (context.json()) {
    print_document(context, to_json_array(*rows));
  } else if (context.quiet()) {
    for (const auto& row : *rows) context.print(to_string(row.task) + "\n");
  } else if (rows->empty()) {
    context.note("no tasks match");
  } else {
    context.print(tasks_table(*rows).text(context.out()));
    context.next("landseer task TASK, or landseer logs TASK");
  }
  return kSuccess;
}

}  // namespace landseer::cli
