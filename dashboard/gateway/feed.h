/// Follows the broker in a thread of its own: one client however many browsers there are. Keeps the
/// model up to date and publishes what changes.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/net/cancel.h"
#include "dashboard/gateway/broker_pool.h"
#include "dashboard/gateway/event_log.h"
#include "dashboard/gateway/model.h"
#include "dashboard/gateway/time_counts.h"
#include "submitter/client/client.h"

namespace landseer::gateway {

/// Counts for /metrics, written by the feed only.
struct FeedCounts {
  std::atomic<std::uint64_t> changes{0};
  std::atomic<std::uint64_t> resets{0};
  /// Ended ones, by protocol::Outcome.
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(protocol::kOutcomeLast) + 1>
      attempts{};
  std::atomic<std::uint64_t> cache_hits{0};
  std::atomic<std::uint64_t> gpu_ms_succeeded{0};
  std::atomic<std::uint64_t> gpu_ms_lost{0};   ///< of attempts that did not succeed
  std::atomic<std::uint64_t> gpu_ms_saved{0};  ///< of attempts whose results were used again
  TimeCounts answers;                          ///< of the broker, about its workers
};

class Feed {
 public:
  Feed(Model& model, EventLog& events, const BrokerAccess& broker);
  ~Feed() { stop(); }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void start();
  void stop();
  const FeedCounts& counts() const { return counts_; }

 private:
  void run();
  /// Until the broker does not answer; why.
  Error follow();
  Result<void> begin();
  Result<void> step();
  Result<void> look_at_workers();
  void take(const protocol::ChangeList& changes);
  void count(const protocol::TaskChange& change);
  void count(TaskId task, const protocol::AttemptRow& row);
  Result<void> count_missed();
  Result<void> count_saved();
  void set_connected(bool connected, const std::string& message);
  void publish_reset(const std::string& reason);

  Model& model_;
  EventLog& events_;
  Cancel cancel_;
  client::Client client_;
  const std::int64_t started_ms_;  // what ended before is not counted
  std::uint64_t position_ = 0;
  bool has_begun_ = false;
  Instant workers_due_;
  BrokerState broker_;
  FeedCounts counts_;
  std::unordered_map<std::uint64_t, std::uint32_t> counted_;  // by task: the attempt counted last
  std::vector<TaskId> missed_;              // some of their attempts were not told
  std::unordered_set<std::uint64_t> hits_;  // tasks counted
  std::deque<TaskId> used_again_;           // whose GPU time was saved and is not counted yet
  std::thread thread_;
};

}  // namespace landseer::gateway
