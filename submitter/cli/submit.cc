#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "common/domain/stop_rule.h"
#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/follow.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/progress.h"
#include "submitter/cli/source.h"
#include "submitter/cli/submission_id.h"
#include "submitter/cli/verbs.h"
#include "submitter/pipeline/expand.h"

namespace landseer::cli {
namespace {

Result<protocol::Submission> make_submission(Context& context, const SubmitOptions& options) {
  const auto source = load_source(context, options.source, true);
  if (!source) return tl::make_unexpected(source.error());
  auto submission = pipeline::expand(source->file, source->expansion, options.source.max_workflows);
  if (!submission) return tl::make_unexpected(submission.error());
  submission->submission_id =
      options.submission_id.empty() ? make_submission_id() : options.submission_id;
  if (!options.name.empty()) submission->name = options.name;
  if (!options.policy.empty()) submission->policy = options.policy;
  if (options.priority) submission->priority = *options.priority;
  if (options.no_cache) submission->use_cache = false;
  if (options.stop_after) submission->stop_after = *options.stop_after;
  if (options.stop_when.empty()) return submission;
  for (const std::string& text : options.stop_when) {
    const auto rule = domain::StopRule::parse(text);
    if (!rule) return tl::make_unexpected(rule.error());
  }
  submission->stop_when = options.stop_when;
  return submission;
}

bool is_evaluation(const protocol::TaskEntry& task) {
  return task.type == static_cast<std::uint8_t>(domain::TaskType::kEvaluation);
}

/// As `plan` counts them: evaluations aside.
std::uint64_t count_instances(const protocol::Submission& submission) {
  std::uint64_t count = 0;
  for (const protocol::WorkflowEntry& workflow : submission.workflows) {
    for (const std::uint32_t task : workflow.tasks) {
      if (!is_evaluation(submission.tasks[task])) ++count;
    }
  }
  return count;
}

std::string text(const protocol::Submitted& submitted) {
  std::string out = fmt::format(
      "{} '{}' {}: {} workflows, {} tasks", to_string(submitted.pipeline), submitted.name,
      submitted.existing ? "was submitted before" : "submitted", submitted.workflows,
      submitted.tasks - std::min(submitted.tasks, submitted.evaluations));
  if (submitted.evaluations > 0) out += fmt::format(", {} evaluations", submitted.evaluations);
  if (submitted.cached > 0) out += fmt::format(", {} of them from the cache", submitted.cached);
  return strip_control(out, false) + "\n";
}

Result<protocol::Submitted> send(client::Client& client, const protocol::Submission& submission) {
  auto submitted = client.submit(submission);
  if (submitted) {
    submitted->task_instances = count_instances(submission);
    return submitted;
  }
  Error error = std::move(submitted.error());
  if (error.code == ErrorCode::kUnavailable) {
    error.message += "; whether the pipeline was accepted is not known";
    error.hint = "submit again with --submission-id " + submission.submission_id +
                 ": it is never accepted twice";
  }
  return tl::make_unexpected(std::move(error));
}

Result<int> wait_for(Context& context, const protocol::Submitted& submitted) {
  FollowOptions how;
  how.until_ended = !context.chatty();
  ProgressView view(context.err());
  const auto followed =
      follow(context, submitted.pipeline, how, [&](const protocol::PipelineStatus& status) {
        if (context.chatty()) view.show(status, net::now());
      });
  if (!followed) return tl::make_unexpected(followed.error());
  const std::string id = to_string(submitted.pipeline);
  const bool completed = followed->status.row.state == protocol::PipelineState::kCompleted;
  if (context.json()) {
    Json document = to_json(submitted);
    document["status"] = to_json(followed->status);
    print_document(context, document);
  } else if (!context.quiet()) {
    context.print(progress_line(followed->status.row) + "\n");
  }
  context.next(completed ? "landseer results " + id : "landseer tasks " + id + " --status failed");
  return completed ? kSuccess : kFailed;
}

}  // namespace

Result<int> run_submit(Context& context, const SubmitOptions& options) {
  const auto submission = make_submission(context, options);
  if (!submission) return tl::make_unexpected(submission.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto submitted = send(**client, *submission);
  if (!submitted) return tl::make_unexpected(submitted.error());
  if (context.quiet() && !context.json()) {
    context.print(to_string(submitted->pipeline) + "\n");
  } else if (!context.json()) {
    context.print(text(*submitted));
  }
  for (const std::string& notice : submitted->notices) {
    context.warn(notice);
  }
  if (options.wait) return wait_for(context, *submitted);
  if (context.json()) print_document(context, to_json(*submitted));
  context.next("landseer watch " + to_string(submitted->pipeline));
  return kSuccess;
}

}  // namespace landseer::cli
