#include "worker/io/host_resources.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace landseer::worker {

std::uint32_t detect_cpus_milli() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1000;
  return static_cast<std::uint32_t>(std::max(CPU_COUNT(&set), 1)) * 1000;
}

std::string host_name() {
  std::array<char, 256> name{};
  const bool known = gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0';
  return known ? name.data() : "worker";
}

std::uint64_t detect_memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return 0;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
}

}  // namespace landseer::worker
