#include "common/domain/combined_status.h"

#include <algorithm>

namespace landseer::domain {

TaskStatus combined_status(std::span<const TaskStatus> tasks) {
  for (const TaskStatus status : {TaskStatus::kFailed, TaskStatus::kCancelled, TaskStatus::kSkipped,
                                  TaskStatus::kRunning, TaskStatus::kPending}) {
    if (std::find(tasks.begin(), tasks.end(), status) == tasks.end()) continue;
    return status == TaskStatus::kSkipped ? TaskStatus::kFailed : status;
  }
  return TaskStatus::kCompleted;
}

}  // namespace landseer::domain
