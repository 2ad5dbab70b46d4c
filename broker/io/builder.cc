#include "broker/io/builder.h"

#include <utility>

#include "common/net/socket.h"

namespace landseer::broker {
namespace {

/// A submission is much more memory while it is taken apart than when it is a pipeline. To give
/// back what is freed costs some, so only after large ones.
constexpr std::size_t kLargeBytes = 16 * 1024 * 1024;
/// What a task of a plan that is no longer needed gives back; docs/performance.md.
constexpr std::size_t kTaskBytes = 240;

}  // namespace

Builder::~Builder() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  wakes_.notify_one();
  thread_.join();
}

bool Builder::push(const std::string& caller, BuildRequest&& request) {
  const std::lock_guard lock(mutex_);
  const std::size_t bytes = request.arrival.body.size();
  if (!queue_.push(caller, std::move(request), bytes)) return false;
  wakes_.notify_one();
  return true;
}

std::optional<Arrival> Builder::take() {
  const std::lock_guard lock(mutex_);
  if (!built_) return std::nullopt;
  news_.clear();
  wakes_.notify_one();
  return std::exchange(built_, std::nullopt);
}

void Builder::discard(std::vector<std::unique_ptr<PipelineRecord>> needless) {
  if (needless.empty()) return;
  const std::lock_guard lock(mutex_);
  for (auto& record : needless) needless_.push_back(std::move(record));
  wakes_.notify_one();
}

void Builder::stored() {
  const std::lock_guard lock(mutex_);
  is_stored_ = true;
  wakes_.notify_one();
}

void Builder::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wakes_.wait(lock, [this] { return stops_ || is_stored_ || has_work(); });
    if (stops_) return;
    auto needless = std::exchange(needless_, {});
    if (!needless.empty()) {
      lock.unlock();
      std::size_t tasks = 0;
      for (const auto& record : needless) tasks += record->pipeline->tasks.size();
      needless.clear();
      lock.lock();
      bytes_ += tasks * kTaskBytes;
      is_stored_ = true;
    }
    if (!built_) build_next(lock);
    if (!std::exchange(is_stored_, false) || has_work() || bytes_ < kLargeBytes) continue;
    bytes_ = 0;
    lock.unlock();
    net::give_memory_back();
    lock.lock();
  }
}

void Builder::build_next(std::unique_lock<std::mutex>& lock) {
  auto request = queue_.pop();
  if (!request) return;
  bytes_ += request->arrival.body.size();
  lock.unlock();
  Arrival built = build(std::move(*request));
  request.reset();
  lock.lock();
  built_ = std::move(built);
  news_.request();
}

}  // namespace landseer::broker
