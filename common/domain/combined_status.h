/// The status of several tasks as one, such as those of a workflow.
#pragma once

#include <span>

#include "common/domain/types.h"

namespace landseer::domain {

/// The first that one of them has of failed, cancelled, skipped (which counts as failed), running
/// and pending; else completed.
TaskStatus combined_status(std::span<const TaskStatus> tasks);

}  // namespace landseer::domain
