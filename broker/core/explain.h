/// Answers to "why does it not run?" and "why did it run again?".
#pragma once

#include "broker/core/placement.h"
#include "broker/core/reuse.h"
#include "broker/core/state.h"

namespace landseer::broker {

/// Looks at bounded parts of the state: at most some thousand tasks and a few dozen workers.
protocol::Explanation explain(const State& state, const Reuse& reuse, Placement& placement,
                              const FoundTask& found, const Now& now);

/// Why the task's result was not taken from an earlier one: the one that is most like it, and what
/// differs. explain_cache.cc.
void explain_miss(const State& state, const FoundTask& found, protocol::Explanation& out);

}  // namespace landseer::broker
