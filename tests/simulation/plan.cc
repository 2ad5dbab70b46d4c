#include "tests/simulation/plan.h"

namespace landseer::simulation {
namespace {

using namespace std::chrono_literals;

/// On in a share of the seeds, and then somewhere up to `most`.
double rate(Random& random, double share, double most) {
  return random.chance(share) ? random.uniform(0, most) : 0;
}

void choose_faults(Plan& plan, Random& random) {
  while (plan.enabled.size() < 4) {
    plan.enabled.clear();
    for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
      const auto fault = static_cast<Fault>(kind);
      // Rare, as one of them costs many tasks their artifacts.
      const bool is_heavy = fault == Fault::kDiskLoss || fault == Fault::kReboot;
      if (random.chance(is_heavy ? 0.25 : 0.45)) plan.enabled.push_back(fault);
    }
  }
  plan.faults = static_cast<std::uint32_t>(random.between(20, 36));
}

void choose_network(Plan& plan, Random& random) {
  NetworkRates& network = plan.network;
  network.delay_mean = random.log_uniform(1ms, 100ms);
  network.loss = rate(random, 0.3, 0.02);
  if (random.chance(0.05)) network.loss = random.uniform(0.02, 0.3);
  network.full = rate(random, 0.2, 0.01);
  network.duplicate = rate(random, 0.35, random.chance(0.2) ? 0.5 : 0.1);
  network.garbled = rate(random, 0.15, 0.005);
  network.reorders = random.chance(0.15);
  network.resets_are_seen = random.chance(0.7);
  network.encoded = random.chance(0.1) ? 1 : 0.02;
}

void choose_tools(Plan& plan, Random& random) {
  ToolRates& tools = plan.tools;
  tools.bad = rate(random, 0.5, 0.08);
  tools.flaky = rate(random, 0.5, 0.3);
  tools.hang = rate(random, 0.5, 0.5);
  tools.stubborn = rate(random, 0.5, 0.5);
  tools.leftovers = rate(random, 0.3, 0.3);
  tools.empty = rate(random, 0.5, 0.5);
  tools.unfit = rate(random, 0.2, 0.02);
  tools.unmet = rate(random, 0.3, 0.3);
}

/// From a stream of its own: what a seed meant before there were copies, it means still.
void choose_sharing(Plan& plan) {
  Random random(mix(plan.seed, 0xC0B1));
  if (!random.chance(0.7)) return;
  SharingRates& reuse = plan.reuse;
  reuse.copies = static_cast<std::uint32_t>(random.between(1, 3));
  reuse.changed = rate(random, 0.5, 0.3);
  reuse.alone = rate(random, 0.3, 0.4);
  reuse.repeatable = rate(random, 0.5, 1.0);
  reuse.has_images = random.chance(0.6);
  reuse.has_dataset = random.chance(0.4);
  reuse.tags_move = (reuse.has_images || reuse.has_dataset) && random.chance(0.4);
  if (random.chance(0.3)) reuse.artifacts = static_cast<std::size_t>(random.between(3, 40));
}

/// From a stream of its own, too.
void choose_control(Plan& plan) {
  Random random(mix(plan.seed, 0xC0B3));
  if (!random.chance(0.6)) return;
  ControlRates& control = plan.control;
  control.parts = rate(random, 0.7, 0.9);
  control.priorities = rate(random, 0.4, 0.4);
  control.stop_after = rate(random, 0.4, 0.8);
  control.stop_when = rate(random, 0.6, 1.0);
  control.mute = rate(random, 0.5, 0.4);
  // Rules need something to look at.
  if (control.stop_when > 0) plan.evaluations = std::max(plan.evaluations, 0.15);
}

}  // namespace

Plan make_plan(std::uint64_t seed) {
  Random random(mix(seed, 0x9151));
  Plan plan;
  plan.seed = seed;
  plan.wall_seed = seed;
  plan.lease = random.log_uniform(2s, 120s);
  // The wire says it in whole milliseconds.
  plan.lease = std::chrono::duration_cast<std::chrono::milliseconds>(plan.lease);
  plan.hosts = 8;
  plan.cpus = static_cast<std::uint32_t>(random.between(1, 4));
  plan.gpus = random.chance(0.3) ? static_cast<std::uint32_t>(random.between(1, 3)) : 0;
  plan.clients = static_cast<std::uint32_t>(random.between(1, 3));
  plan.tasks = static_cast<std::uint32_t>(random.between(200, 230));
  plan.submissions = static_cast<std::uint32_t>(random.between(1, 4));
  plan.retries_max = static_cast<std::uint32_t>(random.between(0, 3));
  plan.sharing = random.unit();
  plan.diamonds = rate(random, 0.5, 0.4);
  plan.evaluations = rate(random, 0.6, 0.4);
  plan.noops = rate(random, 0.3, 0.3);
  plan.priorities = random.chance(0.4);
  plan.models = random.chance(0.3);
  plan.drift_ppm_max = random.chance(0.6) ? random.between(0, 20'000) : 0;
  // About two or three leases of work, if nothing goes wrong.
  const double slots = plan.hosts * plan.cpus;
  const double work = static_cast<double>(plan.lease.count()) * random.uniform(1.0, 2.5);
  plan.run_mean = Duration(static_cast<std::int64_t>(work * slots / (plan.tasks * 1.3)));
  plan.timeout = plan.run_mean * random.between(3, 6) + 100ms;
  plan.trouble = Duration(static_cast<std::int64_t>(work * 2)) + plan.lease;
  if (random.chance(0.5)) {
    plan.snapshot_records = static_cast<std::uint32_t>(random.between(20, 300));
  }
  choose_tools(plan, random);
  choose_network(plan, random);
  choose_faults(plan, random);
  choose_sharing(plan);
  choose_control(plan);
  return plan;
}

}  // namespace landseer::simulation
