/// What a worker offers: its bounds, and what of it is free.
#pragma once

#include "broker/core/state.h"

namespace landseer::broker {

/// Within the bounds of docs/protocol.md, "Limits".
bool is_modest(const protocol::Hello& hello);

/// What it takes in memory, roughly: of every text and list.
std::size_t bytes_of(const protocol::Hello& offer);

/// After `worker.offer` changed: what is free now is all of it, but for its attempts.
void adopt_offer(WorkerRecord& worker, State& state);

}  // namespace landseer::broker
