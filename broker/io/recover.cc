#include "broker/io/recover.h"

namespace landseer::broker {
namespace {

StoreReader reader_for(Broker& core, const Now& now) {
  return {[&core, now](SnapshotItem&& item) { return core.load(item, now); },
          [&core, now] { return core.end_load(now); },
          [&core, now](Record&& record) { return core.replay(record, now); },
          [&core] { return core.fingerprint(); }};
}

}  // namespace

Result<Recovery> recover(Store& store, Broker& core, const Now& now) {
  auto recovery = store.recover(reader_for(core, now));
  if (recovery) core.end_replay(now);
  return recovery;
}

Result<Recovery> verify(Store& store, Broker& core, const Now& now) {
  auto recovery = store.verify(reader_for(core, now));
  if (recovery) core.end_replay(now);
  return recovery;
}

}  // namespace landseer::broker
