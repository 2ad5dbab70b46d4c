/// A disk that fails at a chosen moment: SQLite's own file layer with a counter in it.
#pragma once

#include <cstdint>

namespace landseer::broker {

enum class Fault {
  kNone,
  kFull,         ///< writing: no space, that one time
  kFullForLong,  ///< every write from then on
  kQuota,        ///< writing: the quota is used up, that one time
  kWriteError,   ///< EIO when writing
  kSyncError,    ///< EIO when syncing
};

/// Takes effect for databases opened after the first call. One thread.
class FaultyDisk {
 public:
  /// The `number`-th write or sync from now on (counted together, from 1) fails.
  static void arm(Fault fault, std::uint64_t number);
  static void disarm() { arm(Fault::kNone, 0); }
  /// Writes and syncs since arm().
  static std::uint64_t calls();
};

}  // namespace landseer::broker
