/// Builds large submissions beside the loop: one thread, one submission at a time, callers in
/// turns. What it works on is nobody else's meanwhile. It also destroys what is large and needed no
/// more. docs/architecture.md, "Large submissions".
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "broker/core/arrivals.h"
#include "broker/io/fair_queue.h"
#include "common/net/cancel.h"
#include "common/protocol/limits.h"

namespace landseer::broker {

class Builder {
 public:
  Builder() : thread_([this] { run(); }) {}
  /// Ends when what is being built just now is done; all else is dropped.
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  /// False: too much waits already, and the request is as it was.
  bool push(const std::string& caller, BuildRequest&& request);
  /// What was built; the next one is begun when this was taken.
  std::optional<Arrival> take();
  void discard(std::vector<std::unique_ptr<PipelineRecord>> needless);
  /// What was taken is stored, and what that took is freed: memory can be given back.
  void stored();
  /// Readable when something was built since the last take().
  int fd() const { return news_.fd(); }

  /// Docs: protocol.md, "Limits".
  static constexpr FairLimits kLimits{.each_items = protocol::kBuildsPerCallerMax,
                                      .each_bytes = protocol::kSubmissionBytesMax,
                                      .bytes = 2 * protocol::kSubmissionBytesMax,
                                      .items = protocol::kBuildsMax};

 private:
  void run();
  void build_next(std::unique_lock<std::mutex>& lock);
  bool has_work() const { return !needless_.empty() || (!queue_.empty() && !built_); }

  std::mutex mutex_;  // all but the thread
  std::condition_variable wakes_;
  FairQueue<BuildRequest> queue_{kLimits};
  std::optional<Arrival> built_;
  std::vector<std::unique_ptr<PipelineRecord>> needless_;
  std::size_t bytes_ = 0;   // built since memory was given back
  bool is_stored_ = false;  // since memory was given back
  bool stops_ = false;
  Cancel news_;
  std::thread thread_;
};

}  // namespace landseer::broker
