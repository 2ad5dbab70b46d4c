#include "common/domain/types.h"

#include <array>
#include <utility>

namespace landseer::domain {
namespace {

constexpr std::array<std::pair<TaskType, std::string_view>, 5> kTypes{{
    {TaskType::kPreTraining, "pre_training"},
    {TaskType::kInTraining, "in_training"},
    {TaskType::kPostTraining, "post_training"},
    {TaskType::kDeployment, "deployment"},
    {TaskType::kEvaluation, "evaluation"},
}};

constexpr std::array<std::pair<TaskStatus, std::string_view>, 6> kStatuses{{
    {TaskStatus::kPending, "pending"},
    {TaskStatus::kRunning, "running"},
    {TaskStatus::kCompleted, "completed"},
    {TaskStatus::kFailed, "failed"},
    {TaskStatus::kSkipped, "skipped"},
    {TaskStatus::kCancelled, "cancelled"},
}};

template <class Table, class Value>
std::string_view text_of(const Table& table, Value value) {
  for (const auto& [known, text] : table) {
    if (known == value) return text;
  }
  return "unknown";
}

template <class Value, class Table>
std::optional<Value> value_of(const Table& table, std::string_view text) {
  for (const auto& [value, known] : table) {
    if (known == text) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(TaskType type) { return text_of(kTypes, type); }
std::string_view to_string(TaskStatus status) { return text_of(kStatuses, status); }

std::optional<TaskType> parse_task_type(std::string_view text) {
  return value_of<TaskType>(kTypes, text);
}

std::optional<TaskStatus> parse_task_status(std::string_view text) {
  return value_of<TaskStatus>(kStatuses, text);
}

std::string_view stage_key(TaskType type) {
  return type == TaskType::kInTraining ? "during_training" : to_string(type);
}

bool is_legal_transition(TaskStatus from, TaskStatus to) {
  switch (from) {
    case TaskStatus::kPending:
      return to == TaskStatus::kRunning || to == TaskStatus::kCompleted ||
             to == TaskStatus::kSkipped || to == TaskStatus::kCancelled;
    case TaskStatus::kRunning:
      return to == TaskStatus::kCompleted || to == TaskStatus::kFailed ||
             to == TaskStatus::kCancelled || to == TaskStatus::kPending;
    case TaskStatus::kCompleted:
    case TaskStatus::kFailed:
    case TaskStatus::kSkipped:
    case TaskStatus::kCancelled:
      return to == TaskStatus::kPending;
  }
  return false;
}

}  // namespace landseer::domain
