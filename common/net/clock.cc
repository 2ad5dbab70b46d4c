#include "common/net/clock.h"

#include <time.h>

namespace landseer::net {

Now now() {
  timespec boot{};
  timespec wall{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  clock_gettime(CLOCK_REALTIME, &wall);
  return {Instant{std::int64_t{boot.tv_sec} * 1'000'000'000 + boot.tv_nsec},
          WallTime{std::int64_t{wall.tv_sec} * 1000 + wall.tv_nsec / 1'000'000}};
}

}  // namespace landseer::net
