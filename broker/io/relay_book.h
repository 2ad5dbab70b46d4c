/// What the relay has under way: which client waits for which worker, and how much each may ask
/// for. Values only; one thread.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/time.h"
#include "common/protocol/bulk_messages.h"
#include "common/protocol/limits.h"

namespace landseer::broker {

struct RelayLimits {
  std::uint32_t window = protocol::kStreamWindowMax;
  std::uint32_t requests = protocol::kStreamRequestsMax;
  std::size_t workers = protocol::kWorkersMax;
  Duration attach = std::chrono::seconds(3);  ///< for a worker to say Attach
  Duration reply = std::chrono::seconds(10);  ///< beyond the wait that was asked for
  Duration wait = std::chrono::seconds(10);   ///< that may be asked for
  std::size_t connections_per_key = 1000;
  std::uint64_t memory = std::numeric_limits<std::uint64_t>::max();  ///< of the process, in bytes
};

/// A request that was passed on, or waits until its worker can be asked.
struct RelayedRequest {
  std::string client;             ///< routing id
  std::uint64_t client_number{};  ///< comes back in the reply
  std::uint64_t session = 0;      ///< of the worker
  std::string frame;              ///< not sent yet, for the worker has not said Attach; else empty
  Duration patience;              ///< for the worker, once it is asked
  Instant deadline;
};

class RelayBook {
 public:
  explicit RelayBook(const RelayLimits& limits) : limits_(limits) {}

  /// Why this client may not ask now, or empty.
  std::optional<std::string> refuse(const std::string& client) const;
  /// The number for the worker's request.
  std::uint64_t next_number() { return next_++; }
  void add(std::uint64_t number, RelayedRequest request);
  /// The request this peer answers, which is over thereby; empty if it was never asked that.
  std::optional<RelayedRequest> answer(const std::string& worker, std::uint64_t number);
  std::optional<RelayedRequest> take(std::uint64_t number);
  /// Those whose time is over.
  std::vector<RelayedRequest> expire(Instant now);
  std::optional<Instant> next_deadline() const;

  /// The worker of a session is reached by this routing id; returns the numbers of requests that
  /// waited for that.
  std::vector<std::uint64_t> attach(std::uint64_t session, const std::string& worker);
  /// Null: not attached.
  const std::string* worker_of(std::uint64_t session) const;
  /// The connection is gone; returns the numbers of what was asked of it.
  std::vector<std::uint64_t> detach(std::uint64_t session);

  RelayedRequest& at(std::uint64_t number) { return requests_.at(number); }
  std::size_t size() const { return requests_.size(); }
  const RelayLimits& limits() const { return limits_; }

 private:
  std::vector<std::uint64_t> numbers_of(std::uint64_t session) const;

  RelayLimits limits_;
  std::uint64_t next_ = protocol::kRelayedNumberMin;
  std::map<std::uint64_t, RelayedRequest> requests_;  // by number
  std::set<std::pair<Instant, std::uint64_t>> deadlines_;
  std::unordered_map<std::string, std::uint32_t> under_way_;  // by client
  std::map<std::uint64_t, std::string> workers_;              // by session, the oldest first
};

}  // namespace landseer::broker
