// What happens to a worker's processes and its machine.
#include "tests/simulation/model.h"
#include "tests/simulation/network.h"
#include "tests/simulation/worker_host.h"

namespace landseer::simulation {

using namespace std::chrono_literals;

bool WorkerHost::crash_agent(Duration down) {
  if (!agent_ || is_frozen()) return false;
  if (world_.kernel.tracing()) world_.kernel.say("host " + std::to_string(index_) + ": agent dies");
  stop_agent();
  start_agent_after(down);
  return true;
}

bool WorkerHost::hang_agent(Duration length) {
  if (!responds()) return false;
  hung_until_ = world_.kernel.now() + length;
  return true;
}

bool WorkerHost::crash_executor() {
  if (is_frozen() || !executor_.runs()) return false;
  if (world_.kernel.tracing()) {
    world_.kernel.say("host " + std::to_string(index_) + ": executor dies");
  }
  executor_.crash();
  if (agent_) tell_agent(&WorkerHost::notice_lost_executor);
  return true;
}

bool WorkerHost::suspend(Duration length, bool at_renewal) {
  if (is_frozen()) return false;
  if (at_renewal && agent_) {
    suspend_at_renewal_ = length;
    return true;
  }
  if (world_.kernel.tracing()) {
    world_.kernel.say("host " + std::to_string(index_) + " stands still for " +
                      std::to_string(length.count() / 1'000'000) + " ms");
  }
  frozen_until_ = world_.kernel.now() + length;
  world_.model->host_frozen(index_);
  world_.model->trouble(index_, length);
  executor_.stood_still(length);
  return true;
}

bool WorkerHost::reboot(Duration down, bool loses_disk) {
  if (is_frozen()) return false;
  if (world_.kernel.tracing()) {
    world_.kernel.say("host " + std::to_string(index_) +
                      (loses_disk ? " restarts with an empty disk" : " restarts"));
  }
  if (agent_) stop_agent();
  ++life_;
  executor_.power_off();
  world_.model->host_gone(index_);
  if (loses_disk) {
    ++disk_;
    artifacts_.clear();
    job_files_.clear();
    executor_.wipe_files();
  }
  start_agent_after(down);
  return true;
}

bool WorkerHost::drain(Duration down) {
  if (!responds() || shutdown_deadline_ != Instant{}) return false;
  shutdown_deadline_ = now().instant + 15s;
  tell_agent(&WorkerHost::begin_shutdown);
  away_for_ = down;
  return true;
}

bool WorkerHost::fall_sick(Duration length) {
  sick_until_ = std::max(sick_until_, world_.kernel.now() + length);
  // A full disk is noticed before a tool fails for it, or it is not.
  if (agent_ && world_.kernel.random.chance(0.5)) tell_agent(&WorkerHost::notice_full_disk);
  return true;
}

void WorkerHost::notice_full_disk() {
  handle(worker::FitnessChanged{"disk full"});
  handle(worker::StoreFull{{artifacts_.begin(), artifacts_.end()}});
  schedule(sick_until_, [this, life = life_] {
    if (life == life_) tell_agent(&WorkerHost::notice_space);
  });
}

bool WorkerHost::lose_artifact() {
  if (artifacts_.empty()) return false;
  auto lost = artifacts_.begin();
  std::advance(lost, static_cast<std::ptrdiff_t>(world_.kernel.random.below(artifacts_.size())));
  artifacts_.erase(lost);
  return true;
}

void WorkerHost::heal(bool quarantined) {
  sick_until_ = Instant{};
  suspend_at_renewal_ = Duration{};
  // Whatever a pipeline is bound to, some of the hosts have it.
  std::uint32_t part = index_;
  const bool moved = world_.plan.reuse.tags_move;
  for (auto& [name, content] : contents_) {
    if (!moved) break;
    content = {1 + part % 2, true};
    part /= 2;
  }
  if (moved) {
    // What is begun with another content would fail still, and put the host into quarantine.
    schedule(world_.kernel.now(), [this] {
      if (agent_) stop_agent();
      start_agent_after(100ms);
    });
    return;
  }
  if (quarantined && agent_ && !is_frozen()) stop_agent();
  if (!agent_) start_agent_after(100ms);
}

}  // namespace landseer::simulation
