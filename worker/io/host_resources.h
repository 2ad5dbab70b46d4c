/// What this host has to offer when the command line says `auto`.
#pragma once

#include <cstdint>
#include <string>

namespace landseer::worker {

/// CPUs this process may run on, in thousandths; at least 1000.
std::uint32_t detect_cpus_milli();
/// As the machine calls itself; `worker` if it has no name.
std::string host_name();
/// The machine's memory; 0 if it cannot be told.
std::uint64_t detect_memory_bytes();

}  // namespace landseer::worker
