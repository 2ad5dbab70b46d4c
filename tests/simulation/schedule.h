/// One schedule from beginning to end: trouble first, then everything is healed and must converge.
#pragma once

#include <cstdint>
#include <string>

#include "tests/simulation/kernel.h"
#include "tests/simulation/world.h"

namespace landseer::simulation {

struct ScheduleOptions {
  std::uint64_t seed = 1;
  std::uint64_t wall_seed = 0;  ///< 0: as the seed says
  bool trace = false;
  std::string* inputs = nullptr;  ///< gets those of the broker; see World
  Switches switches;
};

struct ScheduleResult {
  std::string violation;  ///< empty: none
  std::uint64_t trace_hash = 0;
  std::uint32_t planned_faults = 0;
  std::uint32_t injected_faults = 0;
  Counters counters;
};

ScheduleResult run_schedule(const ScheduleOptions& options);

}  // namespace landseer::simulation
