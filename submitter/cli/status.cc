#include <nlohmann/json.hpp>

#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/follow.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/progress.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {

Result<int> run_status(Context& context, const PipelineOptions& options) {
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
  if (context.json()) {
    print_document(context, all.size() == 1 ? to_json(all.front()) : to_json_array(all));
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
  const protocol::PipelineRow& last = all.back().row;
  const std::string id = to_string(last.pipeline);
  if (!is_ended(last.state)) {
    context.next("landseer watch " + id);
  } else if (last.failed > 0) {
    context.next("landseer tasks " + id + " --status failed");
  } else {
    context.next("landseer results " + id);
  }
  return kSuccess;
}

}  // namespace landseer::cli
