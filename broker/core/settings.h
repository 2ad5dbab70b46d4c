/// What the broker's core is told at start. Validated by broker/io/options.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "common/base/digest.h"
#include "common/base/time.h"
#include "common/protocol/limits.h"

namespace landseer::broker {

struct Settings {
  std::uint64_t epoch = 1;  ///< grows with every start on one state folder
  std::uint64_t seed = 1;   ///< for session numbers and jitter
  Duration lease = std::chrono::seconds(120);
  Digest secret;             ///< of this start only: signs tickets
  std::string bulk_address;  ///< where workers fetch model scripts, and clients logs

  /// Site-defined resources of all workers together, by name.
  std::map<std::string, std::uint64_t> shared_resources;

  bool keeps_history = false;  ///< finished pipelines are forgotten only after archived()

  std::uint64_t workers_max = protocol::kWorkersMax;  ///< known, those that are gone included
  std::size_t offers_bytes_max = protocol::kOffersBytesMax;  ///< of what workers offer, in memory
  std::uint64_t pipelines_max = protocol::kPipelinesMax;     ///< kept, finished ones included
  std::uint64_t kept_tasks_max = protocol::kKeptTasksMax;    ///< of these pipelines
  std::uint64_t live_tasks_per_owner_max = protocol::kLiveTasksPerOwnerMax;

  /// Submissions with a longer body are handed out to be built beside the core.
  std::uint64_t built_inline_bytes_max = ~std::uint64_t{0};
  /// Known results of a submission are looked for in slices of so many looks at tasks, or so.
  std::uint64_t hit_looks_max = ~std::uint64_t{0};

  /// A forecast has nobody who could fall silent, and so needs no heartbeats: years, there.
  Duration heartbeat_max = std::chrono::seconds(2);

  /// Two seconds, or six per lease if that is shorter: three may be missed before a worker counts
  /// as silent, with half the lease to spare.
  Duration heartbeat() const { return std::min<Duration>(heartbeat_max, lease / 6); }
  Duration silence() const { return 3 * heartbeat(); }
  /// When the broker gives an attempt away: after the lease, 2 % for drifting clocks, and a margin
  /// for what was under way. The worker stopped it earlier; see docs/protocol.md, "Leases".
  Duration loss() const {
    return lease + lease / 50 + std::min<Duration>(std::chrono::seconds(5), lease / 8);
  }
};

/// Rules of docs/architecture.md, "When a task fails".
inline constexpr std::uint32_t kLossesMax = 3;
inline constexpr std::uint32_t kRuntimeErrorsMax = 3;
inline constexpr std::uint32_t kRerunsMax = 2;
inline constexpr std::uint32_t kReturnsMax = 20;
inline constexpr std::uint32_t kHostFailuresMax = 5;
/// Workers remembered for one artifact: enough to survive losses, few enough to look through.
inline constexpr std::size_t kHoldersMax = 8;
inline constexpr Duration kBackoffFirst = std::chrono::seconds(1);
inline constexpr Duration kBackoffMax = std::chrono::minutes(5);
/// No attempt is put off by more, whoever wrote the record; far above what backoff gives.
inline constexpr std::uint64_t kDelayMaxMs = 86'400'000;
inline constexpr Duration kInputRetry = std::chrono::milliseconds(500);

/// Many workers silent at once: more likely a switch than all of them. What they hold is not given
/// away then for a while, as the node controller of Kubernetes does when most of a zone is not
/// ready. See docs/architecture.md, "Who dies, and what happens".
inline constexpr std::size_t kMassSilenceWorkersMin = 3;
inline constexpr std::size_t kMassSilencePercent = 50;  // of those connected before
inline constexpr Duration kMassSilenceWindow = std::chrono::seconds(30);
inline constexpr Duration kExpiryFreezeMax = std::chrono::minutes(10);

/// A worker's CPUs so many times over are the most that it is given ahead.
inline constexpr std::int64_t kAheadMax = 4;

/// So long a pipeline waits at most, if others of higher priority leave no room, for one task.
inline constexpr Duration kStarvedAfter = std::chrono::minutes(30);

inline constexpr Duration kWatchReplyMax = std::chrono::seconds(10);
inline constexpr Duration kTicketLife = std::chrono::minutes(2);

}  // namespace landseer::broker
