/// Identities of the things Landseer talks about. Each is a type of its own, so two of them cannot
/// be swapped by accident. Ids come from counters that start at 1; 0 means "none".
#pragma once

#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace landseer {

enum class TaskId : std::uint64_t {};
enum class WorkflowId : std::uint64_t {};
enum class PipelineId : std::uint64_t {};
enum class ToolId : std::uint64_t {};
enum class WorkerId : std::uint64_t {};

/// The word an id is written with: `task_7`, `pipeline_3`.
constexpr std::string_view id_prefix(TaskId) { return "task_"; }
constexpr std::string_view id_prefix(WorkflowId) { return "workflow_"; }
constexpr std::string_view id_prefix(PipelineId) { return "pipeline_"; }
constexpr std::string_view id_prefix(ToolId) { return "tool_"; }
constexpr std::string_view id_prefix(WorkerId) { return "worker_"; }

template <class Id>
constexpr std::uint64_t number(Id id) {
  return static_cast<std::uint64_t>(id);
}

template <class Id>
requires requires(Id id) { id_prefix(id); }
std::string to_string(Id id) { return std::string(id_prefix(id)) + std::to_string(number(id)); }

/// Accepts `task_7` and `7`. Empty for anything else, 0 and overflow included.
template <class Id>
std::optional<Id> parse_id(std::string_view text) {
  if (text.starts_with(id_prefix(Id{}))) text.remove_prefix(id_prefix(Id{}).size());
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0) return std::nullopt;
  return Id{value};
}

}  // namespace landseer
