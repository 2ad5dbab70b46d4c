/// Threads that answer with the broker's help, each with a client of its own. Jobs wait in a
/// bounded queue; what does not fit is refused.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/net/cancel.h"
#include "submitter/client/client.h"

namespace landseer::gateway {

/// Where the broker is, and as whom it is spoken to; the folders of keys may be empty, then they
/// are those of $LANDSEER_HOME.
struct BrokerAccess {
  std::string address;       ///< as client::ClientOptions takes it
  std::string keys;          ///< to look: a reader's will do
  std::string control_keys;  ///< to act, for sessions that may: the user's own
};

class BrokerPool {
 public:
  using Job = std::function<void(client::Client&)>;

  /// `keys`: the folder with those that these threads use.
  BrokerPool(std::string address, std::string keys, std::size_t threads, std::size_t queue_max);
  ~BrokerPool() { stop(); }
  BrokerPool(const BrokerPool&) = delete;
  BrokerPool& operator=(const BrokerPool&) = delete;

  /// False when the queue is full.
  bool post(Job job);
  /// Waits for the jobs that are at work, whose waits end at once, and forgets the others.
  void stop();

 private:
  void run();

  const std::string address_;
  const std::string keys_;
  const std::size_t queue_max_;
  Cancel cancel_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<Job> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace landseer::gateway
