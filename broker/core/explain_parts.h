/// What the parts of explain.cc share. Each part tells of one kind of reason.
#pragma once

#include <string>

#include "broker/core/placement.h"
#include "broker/core/reuse.h"
#include "broker/core/rights.h"
#include "broker/core/state.h"

namespace landseer::broker {

/// What is asked, and what may be asked about it.
struct Question {
  const State& state;
  const Reuse& reuse;
  Placement& placement;
  FoundTask found;
  const Caller& caller;
  const Now& now;

  const Request& request() const { return state.requests.at(found.task->request); }
};

/// `task_9 (train)`.
std::string task_text(const domain::Task& task);
/// The same of any task, if the caller may see it; else what is told of it in its stead.
std::string task_text(const Question& question, TaskId id);
/// `in 12m00s`, or `any moment`.
std::string left_text(Duration left);
WallTime after(const Now& now, Duration left);

/// One more condition that is not met, and the sentence that says so.
void name_condition(protocol::Explanation& out, protocol::Condition condition,
                    std::string sentence);
/// Names the task that it waits for, if the caller may see that.
void wait_for(const Question& question, TaskId task, protocol::Explanation& out);
void set_change(protocol::Explanation& out, std::string kind, std::string text);

/// Of a task that is ready. explain_ready.cc.
void explain_ready(const Question& question, protocol::Explanation& out);
/// Where a ready task is in line. explain_queue.cc.
void explain_queue(const Question& question, protocol::Explanation& out);

/// Where a chain of tasks above one begins. explain_chain.cc.
struct Root {
  domain::TaskPtr task = nullptr;  ///< null: nothing above it keeps it
  std::size_t steps = 0;
  bool whole = true;  ///< the chain was followed to its end
};
Root find_root(const FoundTask& found);
/// The dependencies that are not completed.
void name_dependencies(const FoundTask& found, protocol::Explanation& out);

}  // namespace landseer::broker
