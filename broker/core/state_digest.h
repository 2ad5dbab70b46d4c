/// A digest of everything that must survive a restart: two brokers with equal digests go on alike.
/// O(everything): for tests and for checking a recovery.
#pragma once

#include "broker/core/state.h"

namespace landseer::broker {

/// Leaves out what is only of this process: sessions, clocks, who is connected, start times that
/// were heard but not recorded, and copies of artifacts beyond the first.
Digest state_digest(const State& state);

}  // namespace landseer::broker
