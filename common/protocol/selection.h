/// What a user means by a part of a pipeline, and what is asked about parts and about the order of
/// pipelines. docs/protocol.md, "Client messages".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/protocol/at_most.h"
#include "common/protocol/limits.h"

namespace landseer::protocol {

/// Both ends included.
struct WorkflowRange {
  WorkflowId first{};
  WorkflowId last{};
  bool operator==(const WorkflowRange&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("first", m.first);
    visit("last", m.last);
  }
};

/// A task, workflows, the tasks of a tool, what rules pruned, or a whole pipeline. At most one of
/// the last four is said; `pipeline` is needed unless it follows from ids.
struct Selection {
  PipelineId pipeline{};
  TaskId task{};
  std::string tool;
  std::vector<WorkflowRange> workflows;  ///< at most kWorkflowRangesMax
  bool pruned = false;                   ///< only to retry it
  bool operator==(const Selection&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("task", m.task);
    visit("tool", m.tool);
    visit("workflows", at_most(kRefusedInWords * kWorkflowRangesMax, m.workflows));
    visit("pruned", m.pruned);
  }
};

/// Cancel for any part of a pipeline. A broker that does not know it refuses it, and so does not
/// cancel more than was meant.
struct CancelPart {
  Selection what;
  bool plan_only = false;  ///< say what it would do, and do nothing
  bool operator==(const CancelPart&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("what", m.what);
    visit("plan_only", m.plan_only);
  }
};

/// The same for Retry.
struct RetryPart {
  Selection what;
  bool operator==(const RetryPart&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("what", m.what);
  }
};

/// Among pipelines: higher goes first.
struct SetPriority {
  PipelineId pipeline{};
  std::int64_t priority = 0;  ///< at most kPriorityMax, and no less than its negative
  bool operator==(const SetPriority&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("priority", m.priority);
  }
};

struct PrioritySet {
  std::int64_t before = 0;
  bool operator==(const PrioritySet&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("before", m.before);
  }
};

}  // namespace landseer::protocol
