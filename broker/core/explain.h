/// Answers to "why does it not run?" and "why did it run again?".
#pragma once

#include "broker/core/placement.h"
#include "broker/core/reuse.h"
#include "broker/core/state.h"

namespace landseer::broker {

/// Looks at bounded parts of the state: 1,000 tasks ahead of it, 2,000 workers, 10,000 tasks above
/// it, and what explain_cache.cc says. More than that is only counted, or said to be more. Tasks
/// and pipelines that the caller does not see count, but are not named.
protocol::Explanation explain(const State& state, const Reuse& reuse, Placement& placement,
                              const FoundTask& found, const Caller& caller, const Now& now);

/// Why the task's result was not taken from an earlier one: the one that is most like it, and what
/// differs. explain_cache.cc.
void explain_miss(const State& state, const FoundTask& found, const Caller& caller,
                  protocol::Explanation& out);

}  // namespace landseer::broker
