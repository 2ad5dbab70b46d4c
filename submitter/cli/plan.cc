#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "common/base/text.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
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

using Cached = std::optional<std::uint64_t>;

Json to_json(const Source& source, const pipeline::Counts& counts, const Cached& cached) {
  const bool native = source.file.form == pipeline::Form::kNative;
  return {{"workflows", counts.workflows},
          {"task_instances", counts.task_instances},
          {"tasks", counts.tasks},
          {"evaluations", counts.evaluations},
          {"cached", cached ? Json(*cached) : Json()},
          {"name", source.file.name},
          {"form", form_text(source.file.form)},
          {"expansion", native ? Json() : Json(pipeline::to_string(source.expansion))}};
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

/// Of tasks and evaluations; none without a broker, or without the model script, which is a part of
/// every task's key.
Cached count_cached(Context& context, const FileOptions& options) {
  client::Client* client = context.client_if_near();
  if (client == nullptr) return std::nullopt;
  const auto source = load_source(context, options, true);
  if (!source) return std::nullopt;
  auto submission = pipeline::expand(source->file, source->expansion, options.max_workflows);
  if (!submission) return std::nullopt;
  submission->submission_id = make_submission_id();
  const auto planned = client->plan(*submission);
  if (planned) {
    for (const std::string& notice : planned->notices) context.warn(notice);
    return planned->cached;
  }
  context.note("what is cached is not known: " + planned.error().message);
  return std::nullopt;
}

}  // namespace

Result<int> run_plan(Context& context, const FileOptions& options) {
  const auto source = load_source(context, options, false);
  if (!source) return tl::make_unexpected(source.error());
  const pipeline::Counts counts = pipeline::count(source->file, source->expansion);
  // expand() knows every limit; above the one on workflows it refuses before it builds anything.
  const auto submission = pipeline::expand(source->file, source->expansion, options.max_workflows);
  if (!submission) return tl::make_unexpected(submission.error());
  const Cached cached = count_cached(context, options);
  if (context.json()) {
    print_document(context, to_json(*source, counts, cached));
  } else if (context.quiet()) {
    context.print(std::to_string(counts.tasks + counts.evaluations) + "\n");
  } else {
    context.print(text(*source, counts, cached));
    context.next("landseer submit " + options.file);
  }
  return kSuccess;
}

}  // namespace landseer::cli
