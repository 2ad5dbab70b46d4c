#include "worker/io/executor_note.h"

#include <unistd.h>

#include <cstdio>

#include "common/net/clock.h"

namespace landseer::worker {

void note(const std::string& text) {
  const std::int64_t seconds = net::now().wall.unix_ms / 1000;
  std::fprintf(stderr, "%lld executor[%d]: %s\n", static_cast<long long>(seconds),
               static_cast<int>(getpid()), text.c_str());
}

}  // namespace landseer::worker
