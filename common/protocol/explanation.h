/// Asking why a task waits, or why it ran although work like it was done before.
/// docs/protocol.md, "Client messages".
#pragma once

#include <string>
#include <vector>

#include "common/protocol/client_rows.h"

namespace landseer::protocol {

/// Why a task is not running, or why it ran.
struct GetExplanation {
  TaskId task{};
  bool operator==(const GetExplanation&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
  }
};

/// One ingredient of a task's identity that is another one in an earlier task.
struct Difference {
  std::string ingredient;  ///< `command`, `config/epochs`, `image content`
  std::string here;        ///< empty: absent
  std::string there;
  bool operator==(const Difference&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("ingredient", m.ingredient);
    visit("here", m.here);
    visit("there", m.there);
  }
};

/// A condition that is not met.
struct Condition {
  std::string kind;  ///< stable, see docs/protocol.md: `gpus`, `label`, `paused`
  std::string text;  ///< with numbers; follows the names of the workers, if it is theirs
  std::vector<std::string> workers;  ///< the first few of those in this position
  std::uint64_t count = 0;           ///< of workers in this position; 0: it is not a worker's
  bool lasting = false;  ///< waiting does not help: it takes another worker or another request
  bool operator==(const Condition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("kind", m.kind);
    visit("text", m.text);
    visit("workers", m.workers);
    visit("count", m.count);
    visit("lasting", m.lasting);
  }
};

/// A ready task whose turn is earlier, for workers that could run both.
struct TaskAhead {
  TaskId task{};
  PipelineId pipeline{};
  std::string tool;
  bool operator==(const TaskAhead&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("pipeline", m.pipeline);
    visit("tool", m.tool);
  }
};

struct PipelineAhead {
  PipelineId pipeline{};
  std::uint64_t tasks = 0;
  bool operator==(const PipelineAhead&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("tasks", m.tasks);
  }
};

struct Explanation {
  TaskRow row;
  std::string summary;               ///< one sentence
  std::vector<std::string> reasons;  ///< each condition that is not met, with numbers
  TaskId compared_with{};            ///< the earlier task that is most like it; none: no such
  TaskId differs_at{};               ///< where the difference begins: the task or an ancestor
  std::vector<Difference> differences;
  std::vector<Condition> conditions;  ///< what `reasons` say, but for the cache's
  std::string change_kind;            ///< who would have to do what: see docs/protocol.md
  std::string change;                 ///< the smallest one that would let it run
  bool queued = false;                ///< it is in line, and the next four fields say where
  std::uint64_t ahead = 0;            ///< so many tasks come before it
  bool ahead_is_least = false;        ///< at least so many: counting ended at its limit
  std::vector<TaskAhead> first_ahead;
  std::vector<PipelineAhead> pipelines_ahead;
  std::string kept_at;           ///< the worker where room is kept for it
  std::int64_t kept_since = 0;   ///< milliseconds since 1970
  std::int64_t expected_at = 0;  ///< when it should start or be tried, if that is known
  TaskId root{};                 ///< the task above it, because of which it waits or was skipped
  TaskId waits_for{};            ///< the task whose attempt, or whose end, it waits for
  bool operator==(const Explanation&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("row", m.row);
    visit("summary", m.summary);
    visit("reasons", m.reasons);
    visit("compared_with", m.compared_with);
    visit("differs_at", m.differs_at);
    visit("differences", m.differences);
    visit("conditions", added(m.conditions));
    visit("change_kind", added(m.change_kind));
    visit("change", added(m.change));
    visit("queued", added(m.queued));
    visit("ahead", added(m.ahead));
    visit("ahead_is_least", added(m.ahead_is_least));
    visit("first_ahead", added(m.first_ahead));
    visit("pipelines_ahead", added(m.pipelines_ahead));
    visit("kept_at", added(m.kept_at));
    visit("kept_since", added(m.kept_since));
    visit("expected_at", added(m.expected_at));
    visit("root", added(m.root));
    visit("waits_for", added(m.waits_for));
  }
};

}  // namespace landseer::protocol
