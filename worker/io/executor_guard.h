/// Ends what an executor leaves behind when it is killed. Its tools would run on otherwise, with
/// nobody to end them with their lease, until the worker is started again.
#pragma once

#include "common/base/result.h"

namespace landseer::worker {

/// Forks. The child returns and goes on as the executor; the parent stays as its guard: it does
/// nothing until the executor is gone, then kills every process that is left below it, wherever it
/// hid, and ends. Called once, while the process has one thread and no children.
Result<void> leave_guard_behind();

}  // namespace landseer::worker
