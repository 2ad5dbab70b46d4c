#include "tests/simulation/kernel.h"

#include <cstdio>

namespace landseer::simulation {

const char* to_string(Fault fault) {
  static constexpr std::array<const char*, kFaultKinds> kNames{"broker crash",
                                                               "broker pause",
                                                               "partition",
                                                               "partition to worker",
                                                               "partition to broker",
                                                               "isolation",
                                                               "connection reset",
                                                               "loss burst",
                                                               "duplicate burst",
                                                               "agent crash",
                                                               "agent hang",
                                                               "executor crash",
                                                               "suspend",
                                                               "reboot",
                                                               "disk loss",
                                                               "clock jump",
                                                               "drain",
                                                               "out of memory",
                                                               "sick host",
                                                               "artifact loss",
                                                               "operator"};
  return kNames[static_cast<std::size_t>(fault)];
}

void Counters::add(const Counters& other) {
  for (std::size_t i = 0; i < faults.size(); ++i) faults[i] += other.faults[i];
  schedules += other.schedules;
  events += other.events;
  steps += other.steps;
  messages += other.messages;
  lost += other.lost;
  duplicated += other.duplicated;
  garbled += other.garbled;
  refused_sends += other.refused_sends;
  encoded += other.encoded;
  tasks += other.tasks;
  attempts += other.attempts;
  runs += other.runs;
  bad_runs += other.bad_runs;
  recoveries += other.recoveries;
  snapshots += other.snapshots;
  full_checks += other.full_checks;
  hits += other.hits;
  joins += other.joins;
  handed += other.handed;
  parts += other.parts;
  pauses += other.pauses;
  pruned += other.pruned;
  released += other.released;
  virtual_ms += other.virtual_ms;
}

std::uint64_t Counters::planned_faults() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : faults) sum += count;
  return sum;
}

void Kernel::say(const std::string& text) const {
  std::printf("%12.6f  %s\n", static_cast<double>(now_.nanoseconds) / 1e9, text.c_str());
}

Instant Clock::when(Instant shown) const {
  const std::int64_t since = shown.nanoseconds - base_.nanoseconds;
  Instant truth{since - since / (1'000'000 + drift_ppm_) * drift_ppm_ - 2};
  // The division above is off by a little: step to the first moment that fits.
  while (boot(truth) < shown)
    truth.nanoseconds += std::max<std::int64_t>(1, (shown - boot(truth)).count() / 2);
  return truth;
}

}  // namespace landseer::simulation
