#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/base/units.h"
#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/labels.h"
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

void add_notes(Context& context, const protocol::WorkerRow& row) {
  if (!row.reason.empty()) context.note(row.name + " is " + row.state + ": " + row.reason);
  if (!row.reserved_for.empty()) {
    context.note(row.name + " is kept free for " + row.reserved_for);
  }
}

}  // namespace

Result<int> run_workers(Context& context, const WorkersOptions& options) {
  std::pair<std::string, std::string> label;
  if (!options.label.empty()) {
    auto parsed = parse_label(options.label);
    if (!parsed) return tl::make_unexpected(parsed.error());
    label = std::move(*parsed);
  }
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  auto list = (*client)->workers();
  if (!list) return tl::make_unexpected(list.error());
  auto& rows = list->rows;
  std::erase_if(rows, [&](const protocol::WorkerRow& row) {
    const auto found = row.labels.find(label.first);
    return !options.label.empty() && (found == row.labels.end() || found->second != label.second);
  });
  if (context.json()) {
    print_document(context, to_json_array(rows));
  } else if (context.quiet()) {
    for (const auto& row : rows) context.print(to_string(row.worker) + "\n");
  } else if (rows.empty() && !options.label.empty()) {
    context.note("no worker has the label " + options.label);
  } else if (rows.empty()) {
    context.note("no worker has connected yet");
    context.next("landseer-worker --broker ADDRESS on a host that shall compute, or landseer up");
  } else {
    context.print(workers_table(rows).text(context.out()));
    for (const protocol::WorkerRow& row : rows) add_notes(context, row);
    for (const auto& [name, amount, free] : list->named) {
      context.note(fmt::format("all workers share {}: {} of {} free", name, free, amount));
    }
  }
  return kSuccess;
}

}  // namespace landseer::cli
