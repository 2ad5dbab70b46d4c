#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "common/base/text.h"
#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/plan_forecast.h"
#include "submitter/cli/source.h"
#include "submitter/cli/submission_id.h"
#include "submitter/cli/verbs.h"
#include "submitter/pipeline/expand.h"

namespace landseer::cli {
namespace {

std::string_view form_text(pipeline::Form form) {
  switch (form) {
    case pipeline::Form::kRegistry:
      return "registry";
    case pipeline::Form::kInline:
      return "inline";
    case pipeline::Form::kNative:
      return "native";
  }
  return "unknown";
}

/// Of tasks and evaluations.
using Cached = std::optional<std::uint64_t>;

Json to_json(const Source& source, const pipeline::Counts& counts, const Cached& cached,
             const PlanForecasts& forecasts) {
  Json cases = Json::array();
  for (const ForecastCase& each : forecasts.cases) cases.push_back(to_json(each));
  const bool native = source.file.form == pipeline::Form::kNative;
  return {{"workflows", counts.workflows},
          {"task_instances", counts.task_instances},
          {"tasks", counts.tasks},
          {"evaluations", counts.evaluations},
          {"cached", cached ? Json(*cached) : Json()},
          {"name", source.file.name},
          {"form", form_text(source.file.form)},
          {"expansion", native ? Json() : Json(pipeline::to_string(source.expansion))},
          {"forecasts", std::move(cases)},
          {"forecast_missing", forecasts.missing.empty() ? Json() : Json(forecasts.missing)}};
}

/// `pre_training    trades, noop (baseline)`.
std::string stage_line(const pipeline::Stage& stage) {
  std::string tools;
  for (const pipeline::ToolUse& use : stage.tools) {
    tools +=
        (tools.empty() ? "" : ", ") + use.tool.name + (use.tool.is_baseline ? " (baseline)" : "");
  }
  return strip_control(
             fmt::format("{:<15} {}", domain::to_string(stage.type), tools.empty() ? "-" : tools),
             false) +
         "\n";
}

std::string text(const Source& source, const pipeline::Counts& counts, const Cached& cached) {
  const pipeline::PipelineFile& file = source.file;
  std::string out =
      strip_control(fmt::format("{:<15} {} ({} form)", "pipeline", file.name, form_text(file.form)),
                    false) +
      "\n";
  if (file.form != pipeline::Form::kNative) {
    out += fmt::format("{:<15} {}\n", "expansion", pipeline::to_string(source.expansion));
    for (const pipeline::Stage& stage : file.stages) out += stage_line(stage);
  }
  out += fmt::format("{:<15} {}\n", "workflows", counts.workflows);
  out += fmt::format("{:<15} {} over all workflows\n", "task instances", counts.task_instances);
  const std::uint64_t shared = counts.task_instances - counts.tasks;
  out += fmt::format("{:<15} {}", "tasks", counts.tasks);
  if (shared > 0 && counts.task_instances >= counts.tasks) {
    out += fmt::format(
        " to run, sharing saves {:.0f} %",
        100.0 * static_cast<double>(shared) / static_cast<double>(counts.task_instances));
  }
  out += "\n";
  if (counts.evaluations > 0) out += fmt::format("{:<15} {}\n", "evaluations", counts.evaluations);
  if (cached) {
    out += fmt::format("{:<15} {}, and need not run\n", "cached", *cached);
  }
  return out;
}

std::string text(const Context& context, const PlanForecasts& forecasts) {
  std::string out;
  if (forecasts.cases.size() == 1) {
    for (const std::string& line : forecast_lines(forecasts.cases[0], net::now().wall)) {
      out += line + "\n";
    }
  } else if (!forecasts.cases.empty()) {
    out += "\n" + forecast_table(context.out(), forecasts.cases);
  }
  for (const std::string& line : assumption_lines(forecasts.cases)) {
    out += strip_control("! " + line, false) + "\n";
  }
  return out;
}

/// What submitting it would be; none without a broker, or without the model script, which is a part
/// of every task's key.
std::optional<protocol::Submitted> ask_broker(Context& context, client::Client* client,
                                              const FileOptions& options) {
  if (client == nullptr) return std::nullopt;
  const auto source = load_source(context, options, true);
  if (!source) return std::nullopt;
  auto submission = pipeline::expand(source->file, source->expansion, options.max_workflows);
  if (!submission) return std::nullopt;
  submission->submission_id = make_submission_id();
  auto planned = client->plan(*submission);
  if (planned) {
    for (const std::string& notice : planned->notices) context.warn(notice);
    return std::move(*planned);
  }
  context.note("what is cached is not known: " + planned.error().message);
  return std::nullopt;
}

}  // namespace

Result<int> run_plan(Context& context, const PlanOptions& options) {
  const FileOptions& file = options.source;
  const auto source = load_source(context, file, false);
  if (!source) return tl::make_unexpected(source.error());
  const pipeline::Counts counts = pipeline::count(source->file, source->expansion);
  // expand() knows every limit; above the one on workflows it refuses before it builds anything.
  auto submission = pipeline::expand(source->file, source->expansion, file.max_workflows);
  if (!submission) return tl::make_unexpected(submission.error());
  if (options.stop_after) submission->stop_after = *options.stop_after;
  client::Client* client = context.client_if_near();
  const auto planned = ask_broker(context, client, file);
  const Cached cached = planned ? Cached(planned->cached) : std::nullopt;
  const bool is_count_all = context.quiet() && !context.json();
  const auto forecasts = is_count_all
                             ? Result<PlanForecasts>()
                             : forecast_plan(context, client, options, *submission,
                                             planned ? planned->cached_tasks : std::string());
  if (!forecasts) return tl::make_unexpected(forecasts.error());
  if (context.json()) {
    print_document(context, to_json(*source, counts, cached, *forecasts));
  } else if (context.quiet()) {
    context.print(std::to_string(counts.tasks + counts.evaluations) + "\n");
  } else {
    context.print(text(*source, counts, cached) + text(context, *forecasts));
    if (!forecasts->missing.empty()) context.note("no forecast: " + forecasts->missing);
    context.next("landseer submit " + file.file);
  }
  return kSuccess;
}

}  // namespace landseer::cli
