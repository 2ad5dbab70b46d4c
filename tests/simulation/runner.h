/// Runs schedules in processes of their own and reports: one line for each violation, then the
/// sums.
#pragma once

#include <cstdint>
#include <string>

#include "tests/simulation/schedule.h"

namespace landseer::simulation {

struct RunnerOptions {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  std::uint64_t jobs = 1;   ///< processes
  bool keep_going = false;  ///< after a violation
  std::string inputs_file;  ///< with one seed: for the broker's inputs, as a trace; empty: none
  ScheduleOptions schedule;
};

/// Both return the exit code: 1 after a violation.
int run_many(const RunnerOptions& options);
/// Only the seed of `options.schedule`.
int run_one(const RunnerOptions& options);

}  // namespace landseer::simulation
