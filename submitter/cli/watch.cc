#include <nlohmann/json.hpp>

#include "common/net/clock.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/follow.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/progress.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {

Result<int> run_watch(Context& context, const PipelineOptions& options) {
  const auto id = find_pipeline(context, options.pipeline);
  if (!id) return tl::make_unexpected(id.error());
  ProgressView view(context.out());
  std::uint64_t shown_version = 0;
  const auto followed = follow(context, *id, {}, [&](const protocol::PipelineStatus& status) {
    if (!context.json()) {
      view.show(status, net::now());
    } else if (shown_version == 0 || status.version != shown_version) {
      print_line(context, to_json(status));
    }
    shown_version = status.version;
  });
  if (!followed) return tl::make_unexpected(followed.error());
  context.next("landseer results " + to_string(*id));
  return kSuccess;
}

}  // namespace landseer::cli
