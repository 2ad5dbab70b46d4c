/// What one schedule is like: drawn from its seed alone. Each seed switches on a part of the faults
/// and takes its own sizes, so that rare combinations come up ("swarm testing").
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/simulation/kernel.h"

namespace landseer::simulation {

struct ToolRates {
  double bad = 0;        ///< tasks that always fail
  double flaky = 0;      ///< tasks whose first attempts fail, no more than their retries allow
  double hang = 0;       ///< of bad runs: the tool never ends
  double stubborn = 0;   ///< runs that do not end at SIGTERM
  double leftovers = 0;  ///< runs that leave processes behind
  double empty = 0;      ///< tasks that leave no artifact
  double unfit = 0;      ///< tasks whose output cannot be an artifact
  double unmet = 0;      ///< evaluations whose required artifact nobody made
};

struct NetworkRates {
  Duration delay_mean{};
  double loss = 0;       ///< a lost message costs the connection, as with TCP
  double full = 0;       ///< sends refused because a queue is full
  double duplicate = 0;  ///< delivered once more, some of them much later
  double garbled = 0;
  double encoded = 0;  ///< share of messages that go through the codec
  bool reorders = false;
  bool resets_are_seen = true;  ///< a peer notices at once that the other is gone
};

/// What pipelines have in common.
struct SharingRates {
  std::uint32_t copies = 0;   ///< submissions that repeat others
  double changed = 0;         ///< of their tasks, those that are other work, and so what is below
  double alone = 0;           ///< submissions that neither give nor take
  double repeatable = 0;      ///< works that leave the same bytes each time they are done
  bool has_images = false;    ///< whose contents workers tell; else only the command counts
  bool has_dataset = false;   ///< whose content workers tell
  bool tags_move = false;     ///< these are not the same on all workers, nor for ever
  std::size_t artifacts = 0;  ///< that a worker has room for; 0: for all
};

/// What users do besides: to parts of pipelines, to their order, and by rules.
struct ControlRates {
  double parts = 0;       ///< of what users do: cancelling and retrying workflows and tools
  double priorities = 0;  ///< of what users do
  double stop_after = 0;  ///< submissions that want only some workflows
  double stop_when = 0;   ///< submissions that have rules
  double mute = 0;        ///< evaluations that report something else, or nothing
};

struct Plan {
  std::uint64_t seed = 0;
  std::uint64_t wall_seed = 0;  ///< how far wall clocks jump, nothing else
  Duration lease{};
  std::uint32_t hosts = 8;
  std::uint32_t cpus = 2;
  std::uint32_t gpus = 0;
  std::uint32_t clients = 1;
  std::uint32_t tasks = 200;
  std::uint32_t submissions = 1;
  std::uint32_t retries_max = 0;
  double sharing = 0.5;  ///< 0: one long chain each; 1: few prefixes shared by all
  double diamonds = 0;   ///< tasks with more than one dependency
  double evaluations = 0;
  double noops = 0;
  bool priorities = false;
  bool models = false;  ///< submissions bring a model script
  Duration run_mean{};
  Duration timeout{};
  std::int64_t drift_ppm_max = 0;
  ToolRates tools;
  NetworkRates network;
  SharingRates reuse;
  ControlRates control;
  std::vector<Fault> enabled;
  std::uint32_t faults = 20;
  std::uint32_t snapshot_records = 0;  ///< between two snapshots; 0: none are taken
  Duration trouble{};                  ///< length of the first phase, in which faults are injected

  /// Whether a message may come twice, or after a later one.
  bool repeats() const {
    return network.reorders || network.duplicate > 0 ||
           std::count(enabled.begin(), enabled.end(), Fault::kDuplicateBurst) > 0;
  }
  Duration grace() const { return std::min<Duration>(std::chrono::seconds(10), lease / 6); }
  Duration margin() const { return std::min<Duration>(std::chrono::seconds(15), lease / 4); }
};

Plan make_plan(std::uint64_t seed);

}  // namespace landseer::simulation
