#include <nlohmann/json.hpp>

#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/follow.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/progress.h"
#include "submitter/cli/report.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

void print_statuses(Context& context, const std::vector<protocol::PipelineStatus>& all) {
  if (context.json()) {
    print_document(context, all.size() == 1 ? to_json(all.front()) : to_json_array(all));
    return;
  }
  if (context.quiet()) return;
  for (const protocol::PipelineStatus& status : all) {
    context.print(progress_line(status.row) + "\n");
  }
}

}  // namespace

Result<int> run_wait(Context& context, const WaitOptions& options) {
  FollowOptions how;
  if (options.timeout) how.deadline = net::now().instant + *options.timeout;
  how.until_ended = !context.chatty();
  const auto ids = find_pipelines(context, options.pipeline);
  if (!ids) return tl::make_unexpected(ids.error());
  std::vector<protocol::PipelineStatus> all;
  bool completed = true;
  for (const PipelineId id : *ids) {
    ProgressView view(context.err());
    const auto followed = follow(context, id, how, [&](const protocol::PipelineStatus& status) {
      if (context.chatty()) view.show(status, net::now());
    });
    if (!followed) return tl::make_unexpected(followed.error());
    if (followed->timed_out) {
      report_error(context, "timed_out",
                   {ErrorCode::kUnavailable, "the time is over, the pipeline goes on",
                    to_string(id), "landseer watch " + to_string(id)});
      return kTimedOut;
    }
    completed = completed && followed->status.row.state == protocol::PipelineState::kCompleted;
    all.push_back(followed->status);
  }
  print_statuses(context, all);
  const std::string id = to_string(all.back().row.pipeline);
  context.next(completed ? "landseer results " + id : "landseer tasks " + id + " --status failed");
  return completed ? kSuccess : kFailed;
}

}  // namespace landseer::cli
