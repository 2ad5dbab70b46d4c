/// Everything of one schedule, and how its parts find each other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/kernel.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/workload.h"

namespace landseer::simulation {

class BrokerHost;
class Client;
class Model;
class Network;
class WorkerHost;

/// Faults of the simulated shells themselves, to see that the oracle finds them. All off but in
/// tests of the simulator; see seeded_bugs.py.
struct Switches {
  std::string bug;
  bool is(std::string_view name) const { return !bug.empty() && bug == name; }
};

struct World {
  World(const Plan& chosen, Kernel& running, const Switches& wrong);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const Plan& plan;
  Kernel& kernel;
  const Switches& switches;
  Workload workload;
  std::unique_ptr<Network> network;
  std::unique_ptr<Model> model;
  std::unique_ptr<BrokerHost> broker;
  std::vector<std::unique_ptr<WorkerHost>> hosts;
  std::vector<std::unique_ptr<Client>> clients;
  std::string* inputs = nullptr;  ///< the broker's, as steps of a trace; null: not wanted
  bool healed = false;            ///< the second phase: nothing goes wrong any more
};

}  // namespace landseer::simulation
