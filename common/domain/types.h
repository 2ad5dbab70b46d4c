/// The closed sets of the domain: task types and statuses, with their texts and legal transitions.
/// Source: docs/architecture.md, "Words" and "Life of a task".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace landseer::domain {

/// Where in the experiment a task stands. The numbers are on the wire: append only.
enum class TaskType : std::uint8_t {
  kPreTraining = 1,
  kInTraining = 2,
  kPostTraining = 3,
  kDeployment = 4,
  kEvaluation = 5,
};

/// The numbers are on the wire: append only. *Ready* is not a status; see Scheduler.
enum class TaskStatus : std::uint8_t {
  kPending = 1,
  kRunning = 2,
  kCompleted = 3,
  kFailed = 4,
  kSkipped = 5,    ///< a dependency, direct or not, ended otherwise than completed
  kCancelled = 6,  ///< by a user or a rule
};

std::string_view to_string(TaskType type);
std::string_view to_string(TaskStatus status);
std::optional<TaskType> parse_task_type(std::string_view text);
std::optional<TaskStatus> parse_task_status(std::string_view text);

/// The key of a type's stage in pipeline files: `during_training` for kInTraining, else its text.
std::string_view stage_key(TaskType type);

constexpr bool is_terminal(TaskStatus status) {
  return status != TaskStatus::kPending && status != TaskStatus::kRunning;
}

/// The table of docs/architecture.md, "Life of a task". Everything else is refused.
bool is_legal_transition(TaskStatus from, TaskStatus to);

}  // namespace landseer::domain
