#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "common/base/units.h"
#include "common/domain/types.h"
#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/table.h"
#include "submitter/cli/text_width.h"
#include "submitter/cli/times.h"
#include "submitter/cli/verbs.h"
#include "submitter/client/selector.h"

namespace landseer::cli {
namespace {

template <class Id>
std::string join_ids(const std::vector<Id>& ids) {
  constexpr std::size_t kShown = 12;  // a task can be in a hundred thousand workflows
  std::string text;
  for (std::size_t i = 0; i < ids.size() && i < kShown; ++i) {
    text += (i == 0 ? "" : ", ") + to_string(ids[i]);
  }
  if (ids.size() > kShown) text += fmt::format(" and {} more", ids.size() - kShown);
  return text.empty() ? "none" : text;
}

std::string line(std::string_view name, const std::string& value) {
  return fmt::format("{:<13}{}\n", name, one_line(value));
}

std::string facts(const Screen& screen, const protocol::TaskDetail& detail) {
  const protocol::TaskRow& row = detail.row;
  const auto status = static_cast<domain::TaskStatus>(row.status);
  std::string word(domain::to_string(status));
  if (row.cached) {
    word += ", from the cache";
    if (number(row.cached_from) != 0) word += ": " + to_string(row.cached_from);
  }
  if (number(row.joined) != 0) word += ", waits for the same work in " + to_string(row.joined);
  if (row.ready) word += ", ready";
  std::string text = line("task", to_string(row.task) + " of " + to_string(row.pipeline));
  text += line("tool", row.tool);
  text += line("type", std::string(domain::to_string(static_cast<domain::TaskType>(row.type))));
  text += fmt::format("{:<13}{}\n", "status", paint(screen, color_of(status), word));
  if (!row.reason.empty()) text += line("reason", row.reason);
  text += line("priority", fmt::format("{} (dependency level {}, used by {} workflows)",
                                       row.priority, row.dependency_level, row.usage_counter));
  text += line("dependencies", join_ids(row.dependencies));
  text += line("workflows", join_ids(row.workflows));
  text += line("image", detail.image);
  text += line("command", detail.command.empty() ? "the image's entrypoint" : detail.command);
  text += line("config", detail.config);
  text += line("key", row.key.hex());
  if (!row.artifact.empty()) {
    text += line("artifact", row.artifact.hex() + ", " + format_bytes(row.artifact_bytes));
  }
  if (!row.metrics.empty()) text += line("metrics", row.metrics);
  return text;
}

std::string peak_text(std::uint64_t bytes) { return bytes != 0 ? format_bytes(bytes) : "-"; }

Table attempts_table(const std::vector<protocol::AttemptRow>& attempts) {
  Table table({{.title = "ATTEMPT", .side = Side::kRight},
               {.title = "WORKER", .width_min = 8},
               {"OUTCOME"},
               {.title = "STARTED", .optional = true},
               {.title = "TOOK", .side = Side::kRight},
               {.title = "CPU", .side = Side::kRight, .optional = true},
               {.title = "MEMORY", .side = Side::kRight, .optional = true},
               {.title = "GPU MEMORY", .side = Side::kRight, .optional = true},
               {.title = "REASON", .width_min = 10, .optional = true}});
  const std::int64_t now_ms = net::now().wall.unix_ms;
  for (const protocol::AttemptRow& row : attempts) {
    const auto outcome = static_cast<protocol::Outcome>(row.outcome);
    const std::string word = row.outcome == 0 ? "running" : std::string(to_string(outcome));
    table.add({std::to_string(row.attempt), row.worker, word, local_time(row.started_at),
               elapsed(row.started_at, row.finished_at, now_ms),
               format_duration(std::chrono::milliseconds(row.cpu_ms)),
               peak_text(row.memory_peak_bytes), peak_text(row.gpu_memory_peak_bytes), row.reason});
  }
  return table;
}

std::string last_log_tail(const std::vector<protocol::AttemptRow>& attempts) {
  if (attempts.empty() || attempts.back().log_tail.empty()) return {};
  const auto outcome = static_cast<protocol::Outcome>(attempts.back().outcome);
  if (outcome == protocol::Outcome::kSucceeded) return {};
  return "\nlast lines of the log:\n" + strip_control(attempts.back().log_tail, true) + "\n";
}

}  // namespace

Result<int> run_task(Context& context, const std::string& text) {
  const auto id = client::select_task(text);
  if (!id) return tl::make_unexpected(id.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto detail = (*client)->task(*id);
  if (!detail) return tl::make_unexpected(detail.error());
  if (context.json()) {
    print_document(context, to_json(*detail));
    return kSuccess;
  }
  if (context.quiet()) {
    const auto status = static_cast<domain::TaskStatus>(detail->row.status);
    context.print(std::string(domain::to_string(status)) + "\n");
    return kSuccess;
  }
  context.print(facts(context.out(), *detail));
  if (!detail->attempts.empty()) {
    context.print("\n" + attempts_table(detail->attempts).text(context.out()));
  }
  context.print(last_log_tail(detail->attempts));
  context.next("landseer logs " + to_string(*id));
  return kSuccess;
}

}  // namespace landseer::cli
