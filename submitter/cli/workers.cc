#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/base/units.h"
#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/table.h"
#include "submitter/cli/times.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text.empty() ? "-" : text;
}

Table workers_table(const std::vector<protocol::WorkerRow>& rows) {
  Table table({{"WORKER"},
               {.title = "NAME", .width_min = 8},
               {"STATE"},
               {.title = "CPUS FREE", .side = Side::kRight},
               {.title = "MEMORY", .side = Side::kRight, .optional = true},
               {.title = "GPUS", .side = Side::kRight},
               {.title = "RUNNING", .side = Side::kRight},
               {.title = "COMPLETED", .side = Side::kRight, .optional = true},
               {.title = "FAILED", .side = Side::kRight, .optional = true},
               {.title = "RUNTIMES", .width_min = 8, .optional = true},
               {.title = "DATASETS", .width_min = 8, .optional = true},
               {.title = "SEEN", .side = Side::kRight, .optional = true}});
  const std::int64_t now_ms = net::now().wall.unix_ms;
  for (const protocol::WorkerRow& row : rows) {
    const bool here = row.state == "connected";
    table.add({to_string(row.worker),
               row.name,
               {row.state, here ? Color::kGreen : Color::kYellow},
               fmt::format("{:g}/{:g}", row.cpus_free_milli / 1000.0, row.cpus_milli / 1000.0),
               format_bytes(row.memory_bytes),
               std::to_string(row.gpus.size()),
               std::to_string(row.running),
               std::to_string(row.completed),
               std::to_string(row.failed),
               join(row.runtimes),
               join(row.datasets),
               elapsed(row.last_seen_at, now_ms, now_ms) + " ago"});
  }
  return table;
}

}  // namespace

Result<int> run_workers(Context& context) {
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto rows = (*client)->workers();
  if (!rows) return tl::make_unexpected(rows.error());
  if (context.json()) {
    print_document(context, to_json_array(*rows));
  } else if (context.quiet()) {
    for (const auto& row : *rows) context.print(to_string(row.worker) + "\n");
  } else if (rows->empty()) {
    context.note("no worker has connected yet");
    context.next("landseer-worker --broker ADDRESS on a host that shall compute, or landseer up");
  } else {
    context.print(workers_table(*rows).text(context.out()));
    for (const protocol::WorkerRow& row : *rows) {
      if (!row.reason.empty()) context.note(row.name + " is " + row.state + ": " + row.reason);
    }
  }
  return kSuccess;
}

}  // namespace landseer::cli
