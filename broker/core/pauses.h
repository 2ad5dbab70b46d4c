/// Which parts of a pipeline users hold back, and which tasks that keeps from starting. Each part
/// is resumed as it was paused: by its task, its tool or its workflows. docs/architecture.md,
/// "Parts of a pipeline".
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/domain/task.h"

namespace landseer::broker {

struct PipelineRecord;
struct PartPauseChanged;

struct Pauses {
  std::set<std::string> tools;
  std::set<std::uint32_t> workflows;  ///< by index
  std::set<TaskId> tasks;
  bool empty() const { return tools.empty() && workflows.empty() && tasks.empty(); }
  bool operator==(const Pauses&) const = default;
};

/// What a pipeline remembers of its pauses stays one item of a snapshot.
inline constexpr std::size_t kPausedToolsMax = 200;
inline constexpr std::size_t kPausedTasksMax = 5'000;
inline constexpr std::size_t kPausedRangesMax = 5'000;

/// Whether one of the pipeline's pauses is about this task: it or its tool is paused, or each
/// workflow that wants it. One that is only kept in order is done already.
bool is_held_back(const PipelineRecord& record, const domain::Task& task);

/// Whether the pipeline's pauses are others after this change.
bool has_effect(const PipelineRecord& record, const PartPauseChanged& r);
/// Makes it.
void change_pauses(PipelineRecord& record, const PartPauseChanged& r);
/// Whether the pipeline may remember it.
bool is_within_limits(const PipelineRecord& record, const PartPauseChanged& r);
/// The tasks whose pause may be another after this change, each once.
std::vector<domain::TaskPtr> tasks_of_change(const PipelineRecord& record,
                                             const PartPauseChanged& r);
/// What holds a task back, and the words that resume it.
struct PauseReason {
  std::string text;    ///< `the tool 'x' is paused`
  std::string resume;  ///< `landseer resume pipeline_3 --tool 'x'`, in backquotes
};
std::vector<PauseReason> why_held_back(const PipelineRecord& record, const domain::Task& task);
/// For people, of a whole pipeline; empty: no part of it is paused.
std::string pauses_notice(const PipelineRecord& record);

}  // namespace landseer::broker
