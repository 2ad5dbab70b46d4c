/// Room on the disk of the state folder. New pipelines are refused before it is full, and a reserve
/// is kept, so that what workers complete can be recorded even then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "broker/core/events.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace landseer::broker {

class DiskGuard {
 public:
  /// `needed_bytes`: below this, no new pipelines. A sixteenth of it is the reserve.
  DiskGuard(std::string folder, std::uint64_t needed_bytes);

  /// What is free now, if it matters: at most once a second, and only when `low` changes.
  std::optional<DiskSpace> look(const Now& now);

  /// The disk is full: gives the reserve back. False: it was given before.
  bool give_reserve();
  /// Makes the reserve, or makes it again when there is room. A disk without room has none.
  void make_reserve();

 private:
  std::uint64_t free_bytes() const;

  std::string folder_;
  std::string reserve_path_;
  std::uint64_t needed_bytes_;
  std::uint64_t reserve_bytes_;
  Instant next_look_;
  bool low_ = false;
};

}  // namespace landseer::broker
