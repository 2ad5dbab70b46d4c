#include "worker/io/stream_hasher.h"

namespace landseer::worker {
namespace {

/// A thread costs about 50 us to start, and 10 us to wake: as much as 100 KiB take to hash.
constexpr std::uint64_t kStreamBytesMin = 4 * 1024 * 1024;
constexpr std::size_t kPieceBytesMin = 256 * 1024;

}  // namespace

StreamHasher::~StreamHasher() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void StreamHasher::begin(std::string_view piece) {
  bytes_ += piece.size();
  if (bytes_ < kStreamBytesMin || piece.size() < kPieceBytesMin) return hasher_.update(piece);
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  {
    const std::lock_guard lock(mutex_);
    piece_ = piece;
  }
  changed_.notify_all();
}

void StreamHasher::wait() {
  if (!thread_.joinable()) return;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return piece_.empty(); });
}

/// Who began a piece waits for its end before the next: the hasher is never used by two.
void StreamHasher::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ending_ || !piece_.empty(); });
    if (piece_.empty()) return;
    const std::string_view piece = piece_;
    lock.unlock();
    hasher_.update(piece);
    lock.lock();
    piece_ = {};
    changed_.notify_all();
  }
}

Digest StreamHasher::finish() {
  wait();
  return hasher_.finish();
}

}  // namespace landseer::worker
