/// A piece of a log for a browser: docs/openapi.yaml, "LogPiece".
#pragma once

#include "common/base/ids.h"
#include "dashboard/gateway/http_types.h"
#include "submitter/client/client.h"

namespace landseer::gateway {

/// Reads from the worker through the broker; waits for it, and with `wait` for more, some seconds.
Response log_view(client::Client& client, TaskId task, const Request& request);

}  // namespace landseer::gateway
