/// A piece of a log for a browser: docs/openapi.yaml, "LogPiece".
#pragma once

#include <string>

#include "common/base/ids.h"
#include "dashboard/gateway/http_types.h"
#include "dashboard/gateway/log_budget.h"
#include "submitter/client/client.h"

namespace landseer::gateway {

/// Reads from the worker through the broker; waits for it, and with `wait` for more, some seconds.
/// What is read counts for `viewer`; who may not read more now is refused for a second.
Response log_view(client::Client& client, TaskId task, const Request& request, LogBudget& budget,
                  const std::string& viewer);

}  // namespace landseer::gateway
