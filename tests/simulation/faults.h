/// Injects the planned faults: spread over the first phase, kinds at random among those that the
/// seed has switched on. One that makes no sense at its moment is replaced by another.
#pragma once

#include "tests/simulation/world.h"

namespace landseer::simulation {

class Faults {
 public:
  explicit Faults(World& world) : world_(world) {}

  void schedule_all();
  std::uint32_t injected() const { return injected_; }

 private:
  void inject_some();
  bool inject(Fault fault);
  bool inject_in_broker(Fault fault);
  bool inject_in_network(Fault fault, std::uint32_t host);
  bool inject_in_host(Fault fault, std::uint32_t host);
  /// Mostly shorter than the lease, up to 300 s at the most.
  Duration length();
  void excuse_all(Duration length);

  World& world_;
  std::uint32_t injected_ = 0;
};

}  // namespace landseer::simulation
