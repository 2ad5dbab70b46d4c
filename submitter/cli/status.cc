#include <cmath>
#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/follow.h"
#include "submitter/cli/forecast_report.h"
#include "submitter/cli/forecast_run.h"
#include "submitter/cli/forecast_source.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/progress.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/times.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

/// Of what is left of one pipeline. `missing`: why there is none, in words.
struct StatusForecast {
  std::optional<ForecastCase> made;
  std::string missing;
  std::int64_t first_workflow_at = 0;  // Unix milliseconds; 0: none is complete
};

/// An error only if a signal came.
Result<StatusForecast> forecast_rest(Context& context, client::Client& client,
                                     const protocol::PipelineRow& row, Duration limit) {
  StatusForecast result;
  ForecastSource source(client);
  const auto read = [&]() -> Result<void> {
    if (auto workers = source.read_workers(); !workers) return workers;
    if (auto pipelines = source.read_pipelines(row.pipeline); !pipelines) return pipelines;
    return source.read_times();
  }();
  if (!read) {
    result.missing = read.error().message;
    return result;
  }
  result.first_workflow_at = first_workflow_at(source.graph, source.workflows, row.submitted_at);
  const bool has_workers = !source.question.workers.empty();
  ForecastView view(context);
  auto answer = run_forecast(view, source.question, limit);
  if (answer) {
    result.made = ForecastCase{{},
                               row.policy,
                               source.question.workers.size(),
                               source.beside,
                               source.left_out,
                               std::move(*answer)};
  } else if (answer.error().code == ErrorCode::kUnavailable) {
    return tl::make_unexpected(answer.error());
  } else {
    result.missing = has_workers ? answer.error().message : "no worker takes work now";
  }
  return result;
}

Json document_of(const protocol::PipelineStatus& status, const StatusForecast& forecast) {
  Json object = to_json(status);
  object["forecast"] = forecast.made ? to_json(*forecast.made) : Json();
  object["forecast_missing"] = forecast.missing.empty() ? Json() : Json(forecast.missing);
  object["first_workflow_at"] =
      forecast.first_workflow_at > 0 ? Json(utc_time(forecast.first_workflow_at)) : Json();
  return object;
}

void print_forecast(Context& context, const StatusForecast& forecast) {
  if (forecast.first_workflow_at > 0) {
    context.print("  first workflow complete at " + local_time(forecast.first_workflow_at) + "\n");
  }
  if (!forecast.made) {
    if (!forecast.missing.empty()) context.note("no forecast: " + forecast.missing);
    return;
  }
  context.print("  what is left\n");
  for (const std::string& line : forecast_lines(*forecast.made, net::now().wall)) {
    context.print("    " + line + "\n");
  }
  for (const std::string& line : assumption_lines({*forecast.made})) {
    context.print("  ! " + strip_control(line, false) + "\n");
  }
}

void hint(Context& context, const protocol::PipelineRow& last) {
  const std::string id = to_string(last.pipeline);
  if (!is_ended(last.state)) {
    context.next("landseer watch " + id);
  } else if (last.failed > 0) {
    context.next("landseer tasks " + id + " --status failed");
  } else {
    context.next("landseer results " + id);
  }
}

}  // namespace

Result<int> run_status(Context& context, const StatusOptions& options) {
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto ids = find_pipelines(context, options.pipeline);
  if (!ids) return tl::make_unexpected(ids.error());
  std::vector<protocol::PipelineStatus> all;
  for (const PipelineId id : *ids) {
    auto status = (*client)->status(id);
    if (!status) return tl::make_unexpected(status.error());
    all.push_back(std::move(*status));
  }
  StatusForecast forecast;
  const protocol::PipelineRow& first = all.front().row;
  const bool is_wanted = all.size() == 1 && !is_ended(first.state) &&
                         options.forecast.limit > Duration::zero() &&
                         (context.json() || !context.quiet());
  if (is_wanted) {
    auto made = forecast_rest(context, **client, first, options.forecast.limit);
    if (!made) return tl::make_unexpected(made.error());
    forecast = std::move(*made);
    // The simulation knows more than the broker's estimate.
    if (forecast.made && first.state == protocol::PipelineState::kRunning) {
      all.front().row.eta_ms = std::llround(forecast.made->answer.finish.median);
    }
  }
  if (context.json()) {
    print_document(context,
                   all.size() == 1 ? document_of(all.front(), forecast) : to_json_array(all));
    return kSuccess;
  }
  const WallTime now = net::now().wall;
  for (const protocol::PipelineStatus& status : all) {
    if (context.quiet()) {
      context.print(std::string(protocol::to_string(status.row.state)) + "\n");
      continue;
    }
    for (const std::string& line : progress_lines(context.out(), status, now)) {
      context.print(line + "\n");
    }
  }
  if (!context.quiet()) print_forecast(context, forecast);
  hint(context, all.back().row);
  return kSuccess;
}

}  // namespace landseer::cli
