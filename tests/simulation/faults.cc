#include "tests/simulation/faults.h"

#include "tests/simulation/broker_host.h"
#include "tests/simulation/client.h"
#include "tests/simulation/model.h"
#include "tests/simulation/network.h"
#include "tests/simulation/worker_host.h"

namespace landseer::simulation {

using namespace std::chrono_literals;

void Faults::schedule_all() {
  Random& random = world_.kernel.random;
  for (std::uint32_t i = 0; i < world_.plan.faults; ++i) {
    world_.kernel.at(Instant{} + random.uniform(50ms, world_.plan.trouble),
                     [this] { inject_some(); });
  }
}

void Faults::inject_some() {
  for (int tries = 0; tries < 20; ++tries) {
    const Fault fault = world_.kernel.random.pick(world_.plan.enabled);
    if (!inject(fault)) continue;
    ++injected_;
    world_.kernel.count(fault);
    world_.kernel.note(60, static_cast<int>(fault));
    if (world_.kernel.tracing()) world_.kernel.say(std::string("fault: ") + to_string(fault));
    return;
  }
  // Nothing can be hurt now; later perhaps.
  world_.kernel.after(100ms, [this] {
    if (!world_.healed) inject_some();
  });
}

Duration Faults::length() {
  Random& random = world_.kernel.random;
  const Duration lease = world_.plan.lease;
  const Duration longest = random.chance(0.03) ? 300s : std::min<Duration>(300s, lease * 3);
  return random.log_uniform(std::min<Duration>(1s, lease / 4), longest);
}

bool Faults::inject(Fault fault) {
  const auto host = static_cast<std::uint32_t>(world_.kernel.random.below(world_.hosts.size()));
  switch (fault) {
    case Fault::kBrokerCrash:
    case Fault::kBrokerPause:
      return inject_in_broker(fault);
    case Fault::kPartition:
    case Fault::kPartitionToWorker:
    case Fault::kPartitionToBroker:
    case Fault::kIsolation:
    case Fault::kConnectionReset:
    case Fault::kLossBurst:
    case Fault::kDuplicateBurst:
      return inject_in_network(fault, host);
    case Fault::kOperator:
      return world_.kernel.random.pick(world_.clients)->operate();
    case Fault::kClockJump: {
      // How far depends on the wall seed alone: nothing may follow from it.
      Random wall(mix(world_.plan.wall_seed, injected_));
      const std::int64_t jump = wall.between(-315'360'000'000, 315'360'000'000);
      if (host == 0) {
        world_.broker->jump_wall(jump);
      } else {
        world_.hosts[host]->jump_wall(jump);
      }
      return true;
    }
    case Fault::kAgentCrash:
    case Fault::kAgentHang:
    case Fault::kExecutorCrash:
    case Fault::kSuspend:
    case Fault::kReboot:
    case Fault::kDiskLoss:
    case Fault::kDrain:
    case Fault::kOutOfMemory:
    case Fault::kSickHost:
    case Fault::kArtifactLoss:
      return inject_in_host(fault, host);
  }
  return false;
}

void Faults::excuse_all(Duration length) {
  for (std::uint32_t host = 0; host < world_.hosts.size(); ++host) {
    world_.model->trouble(host, length);
  }
}

bool Faults::inject_in_broker(Fault fault) {
  Random& random = world_.kernel.random;
  if (!world_.broker->runs()) return false;
  if (fault == Fault::kBrokerPause) {
    const Duration pause = length();
    excuse_all(pause);
    world_.broker->pause(pause);
    return true;
  }
  const auto point = static_cast<CrashPoint>(random.below(5));
  const Duration down =
      random.log_uniform(50ms, random.chance(0.8) ? world_.plan.lease / 2 : world_.plan.lease * 2);
  excuse_all(down + 5s);
  world_.broker->crash(point, down);
  return true;
}

bool Faults::inject_in_network(Fault fault, std::uint32_t host) {
  Random& random = world_.kernel.random;
  Network& network = *world_.network;
  const Duration span = length();
  const bool holds = random.chance(0.5);
  if (fault == Fault::kLossBurst) {
    excuse_all(span * 2);
    network.lose(span, random.uniform(0.0, 0.3));
    return true;
  }
  if (fault == Fault::kDuplicateBurst) {
    network.duplicate(span, random.uniform(0.0, 0.5));
    return true;
  }
  world_.model->trouble(host, span);
  if (fault == Fault::kConnectionReset) {
    network.reset(host);
    return true;
  }
  if (fault != Fault::kPartitionToWorker) network.cut(host, Direction::kToBroker, span, holds);
  if (fault != Fault::kPartitionToBroker) network.cut(host, Direction::kFromBroker, span, holds);
  if (fault == Fault::kIsolation) network.isolate(host, span);
  return true;
}

bool Faults::inject_in_host(Fault fault, std::uint32_t index) {
  Random& random = world_.kernel.random;
  WorkerHost& host = *world_.hosts[index];
  Duration span = length();
  if (fault == Fault::kAgentCrash) {
    span = random.log_uniform(100ms,
                              random.chance(0.8) ? world_.plan.lease / 2 : world_.plan.lease * 2);
  } else if (fault == Fault::kDrain) {
    span = random.uniform(1s, world_.plan.lease + 1s);
  }
  const bool at_renewal = random.chance(0.3);
  world_.model->trouble(index, at_renewal ? span + world_.plan.lease : span);
  switch (fault) {
    case Fault::kAgentCrash:
      return host.crash_agent(span);
    case Fault::kAgentHang:
      return host.hang_agent(span);
    case Fault::kExecutorCrash:
      return host.crash_executor();
    case Fault::kSuspend:
      return host.suspend(span, at_renewal);
    case Fault::kReboot:
      return host.reboot(span, false);
    case Fault::kDiskLoss:
      return host.reboot(span, true);
    case Fault::kDrain:
      return host.drain(span);
    case Fault::kOutOfMemory:
      return host.kill_some_tool();
    case Fault::kSickHost:
      return host.fall_sick(std::min<Duration>(span, world_.plan.lease));
    case Fault::kArtifactLoss:
      return host.lose_artifact();
    default:
      return false;
  }
}

}  // namespace landseer::simulation
