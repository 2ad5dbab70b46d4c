/// From a store to the broker's core.
#pragma once

#include "broker/core/broker.h"
#include "broker/io/store.h"

namespace landseer::broker {

/// Makes `core`, which is new, what it was when the store was last written. See Store::recover().
Result<Recovery> recover(Store& store, Broker& core, const Now& now);
/// The same, and proves the newest snapshot. See Store::verify().
Result<Recovery> verify(Store& store, Broker& core, const Now& now);

}  // namespace landseer::broker
