/// What a worker offers: its bounds, and what of it is free.
#pragma once

#include "broker/core/state.h"

namespace landseer::broker {

/// Within the bounds of docs/protocol.md, "Limits".
bool is_modest(const protocol::Hello& hello);

/// Counts anew what is free on a worker whose offer changed: all of it, but for its attempts.
void count_free(WorkerRecord& worker, State& state);

}  // namespace landseer::broker
