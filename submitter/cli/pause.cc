#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"
#include "submitter/client/selector.h"

namespace landseer::cli {
namespace {

std::string pipeline_line(const Target& target, bool paused, const protocol::PartPaused& result) {
  const std::string id = target.text();
  if (!paused) {
    std::string text = id + (result.changed ? ": goes on" : ": was not paused");
    if (result.still_paused == 0) return text + "\n";
    return fmt::format(
        "{}{}{} tasks of parts that were paused on their own still wait; --all resumes them\n",
        text, result.changed ? "; " : " as a whole; ", result.still_paused);
  }
  if (!result.changed) return id + ": was paused already\n";
  if (result.running == 0) return id + ": paused\n";
  return fmt::format("{}: paused; {} running attempts go on\n", id, result.running);
}

std::string part_line(const Target& target, bool paused, const protocol::PartPaused& result) {
  std::string text = target.text();
  if (paused) {
    text += result.changed ? ": paused" : ": was paused already";
    if (!target.is_task()) text += fmt::format("; {} pending tasks do not start", result.tasks);
    if (result.shared > 0) text += fmt::format(", {} go on for other workflows", result.shared);
    if (result.running > 0) text += fmt::format("; {} running attempts go on", result.running);
    return text + "\n";
  }
  text += result.changed ? ": goes on" : ": was not paused";
  if (!target.is_task()) text += fmt::format("; {} tasks may start again", result.tasks);
  if (result.still_paused > 0) text += fmt::format("; {} still wait", result.still_paused);
  if (result.pipeline_paused) {
    text += "; " + to_string(result.pipeline) + " is paused as a whole";
  }
  text += "\n";
  for (const std::string& why : result.why) text += "  " + why + "\n";
  return text;
}

Json to_json(const Target& target, bool paused, const protocol::PartPaused& result) {
  Json object = target.json();
  object["pipeline_id"] = to_string(result.pipeline);
  object["state"] = paused ? "paused" : "running";
  object["changed"] = result.changed;
  object["running"] = result.running;
  if (target.is_task() || target.is_part()) {
    object["tasks"] = result.tasks;
    object["shared"] = result.shared;
    object["why"] = result.why;
    object["pipeline_paused"] = result.pipeline_paused;
  }
  object["still_paused"] = result.still_paused;
  return object;
}

/// The part of each pipeline that options name besides the target.
Result<std::vector<Target>> targets_of(Context& context, const PauseOptions& options) {
  auto targets = find_targets(context, options.target, options.tool);
  const std::string& part = options.task.empty() ? options.workflow : options.task;
  if (!targets || part.empty()) return targets;
  const char* flag = options.task.empty() ? "--workflow" : "--task";
  if (targets->size() != 1 || targets->front().is_task() || targets->front().is_part()) {
    return fail(ErrorCode::kInvalid,
                std::string(flag) + " names something of one pipeline, and '" + options.target +
                    "' is none",
                flag, "name the pipeline: last, pipeline_3 or its name");
  }
  protocol::Selection& what = targets->front().what;
  if (!options.task.empty()) {
    const auto task = client::select_task(part);
    if (!task) return tl::make_unexpected(task.error());
    what.task = *task;
    return targets;
  }
  const bool has_word = part.starts_with(id_prefix(WorkflowId{}));
  auto ranges =
      client::select_workflows((has_word ? "" : std::string(id_prefix(WorkflowId{}))) + part);
  if (!ranges) return tl::make_unexpected(ranges.error());
  what.workflows = std::move(*ranges);
  return targets;
}

/// What it was paused by resumes it.
std::string resume_words(const Target& target) {
  if (target.is_task()) return to_string(target.what.task);
  std::string words;
  for (const auto& [first, last] : target.what.workflows) {
    words += (words.empty() ? "" : ",") + to_string(first);
    if (first != last) words += "-" + std::to_string(number(last));
  }
  if (!words.empty()) return words;
  words = to_string(target.what.pipeline);
  return target.what.tool.empty() ? words : words + " --tool '" + target.what.tool + "'";
}

Result<int> set_paused(Context& context, const PauseOptions& options, bool paused) {
  const auto targets = targets_of(context, options);
  if (!targets) return tl::make_unexpected(targets.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  Json documents = Json::array();
  PipelineId pipeline{};
  for (const Target& target : *targets) {
    const bool is_pipeline = !target.is_task() && !target.is_part();
    const auto result = (*client)->pause_part({target.what, paused, options.everything});
    if (!result) return tl::make_unexpected(result.error());
    pipeline = result->pipeline;
    if (context.json()) {
      documents.push_back(to_json(target, paused, *result));
    } else if (!context.quiet()) {
      context.print(is_pipeline ? pipeline_line(target, paused, *result)
                                : part_line(target, paused, *result));
    }
  }
  if (context.json()) print_document(context, targets->size() == 1 ? documents[0] : documents);
  context.next(paused ? "landseer resume " + resume_words(targets->back())
                      : "landseer watch " + to_string(pipeline));
  return kSuccess;
}

}  // namespace

Result<int> run_pause(Context& context, const PauseOptions& options) {
  return set_paused(context, options, true);
}

Result<int> run_resume(Context& context, const PauseOptions& options) {
  return set_paused(context, options, false);
}

}  // namespace landseer::cli
