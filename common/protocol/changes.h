/// What dashboards follow: tasks and pipelines as they change, after a position, and all attempts
/// of a pipeline. docs/protocol.md, "Client messages".
#pragma once

#include <cstdint>
#include <vector>

#include "common/protocol/client_rows.h"

namespace landseer::protocol {

/// Answered at once when something changed after `after`, else when something does, or after
/// `wait_ms`. The first time with 0.
struct GetChanges {
  std::uint64_t after = 0;
  std::uint32_t wait_ms = 0;
  bool operator==(const GetChanges&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("after", m.after);
    visit("wait_ms", m.wait_ms);
  }
};

/// A task as it is now.
struct TaskChange {
  TaskRow row;      ///< without dependencies and workflows, which never change
  AttemptRow last;  ///< without its log; number 0: it never had one
  bool operator==(const TaskChange&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("row", m.row);
    visit("last", m.last);
  }
};

struct ChangeList {
  std::uint64_t position = 0;  ///< to ask for what comes after
  bool reset = false;          ///< `after` is too long ago, or of another start of the broker
  std::vector<TaskChange> tasks;
  std::vector<PipelineRow> pipelines;
  std::vector<PipelineId> forgotten;
  bool operator==(const ChangeList&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("position", m.position);
    visit("reset", m.reset);
    visit("tasks", m.tasks);
    visit("pipelines", m.pipelines);
    visit("forgotten", m.forgotten);
  }
};

/// Attempts of one pipeline's tasks, in insertion order of the tasks.
struct ListAttempts {
  PipelineId pipeline{};
  std::uint64_t offset = 0;  ///< index of the first task to look at
  std::uint32_t limit = 0;   ///< tasks to look at
  bool operator==(const ListAttempts&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("offset", m.offset);
    visit("limit", m.limit);
  }
};

struct TaskAttempt {
  TaskId task{};
  AttemptRow attempt;  ///< without its log
  bool operator==(const TaskAttempt&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("attempt", m.attempt);
  }
};

struct AttemptList {
  std::vector<TaskAttempt> rows;
  std::uint64_t next_offset = 0;  ///< 0: that was all
  bool operator==(const AttemptList&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("rows", m.rows);
    visit("next_offset", m.next_offset);
  }
};

}  // namespace landseer::protocol
