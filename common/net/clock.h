/// The only place that reads a clock.
#pragma once

#include "common/base/time.h"

namespace landseer::net {

/// CLOCK_BOOTTIME (time in suspend counts, so a lease cannot outlive it) and the wall clock.
Now now();

}  // namespace landseer::net
