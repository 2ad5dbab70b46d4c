#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/progress.h"
#include "submitter/cli/table.h"
#include "submitter/cli/times.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

Table pipelines_table(const std::vector<protocol::PipelineRow>& rows) {
  // Without keys nobody owns anything, and the column would be empty.
  const bool owned =
      std::any_of(rows.begin(), rows.end(), [](const auto& row) { return !row.owner.empty(); });
  std::vector<Column> columns{{"PIPELINE"},
                              {.title = "NAME", .width_min = 8},
                              {"STATE"},
                              {.title = "PRIORITY", .side = Side::kRight, .optional = true},
                              {.title = "ENDED", .side = Side::kRight},
                              {.title = "%", .side = Side::kRight},
                              {.title = "FAILED", .side = Side::kRight},
                              {.title = "WORKFLOWS", .side = Side::kRight, .optional = true},
                              {.title = "SUBMITTED", .optional = true},
                              {.title = "TOOK", .side = Side::kRight, .optional = true}};
  if (owned) columns.insert(columns.begin() + 3, Column{.title = "OWNER", .optional = true});
  Table table(columns);
  const std::int64_t now_ms = net::now().wall.unix_ms;
  for (const protocol::PipelineRow& row : rows) {
    std::vector<Cell> cells{
        to_string(row.pipeline),
        row.name,
        {std::string(protocol::to_string(row.state)), color_of(row.state)},
        std::to_string(row.priority),
        fmt::format("{}/{}", ended_tasks(row), row.total),
        std::to_string(percent_ended(row)),
        {std::to_string(row.failed), row.failed > 0 ? Color::kRed : Color::kNone},
        fmt::format("{}/{}", row.workflows_completed, row.workflows),
        local_time(row.submitted_at),
        elapsed(row.submitted_at, row.finished_at, now_ms)};
    if (owned) cells.insert(cells.begin() + 3, Cell(row.owner));
    table.add(cells);
  }
  return table;
}

}  // namespace

Result<int> run_list(Context& context) {
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto rows = (*client)->pipelines();
  if (!rows) return tl::make_unexpected(rows.error());
  if (context.json()) {
    print_document(context, to_json_array(*rows));
  } else if (context.quiet()) {
    for (const auto& row : *rows) context.print(to_string(row.pipeline) + "\n");
  } else if (rows->empty()) {
    context.note("no pipelines yet");
    context.next("landseer submit FILE");
  } else {
    context.print(pipelines_table(*rows).text(context.out()));
    context.next("landseer status PIPELINE");
  }
  return kSuccess;
}

}  // namespace landseer::cli
