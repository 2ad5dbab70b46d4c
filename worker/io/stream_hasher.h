/// The digest of a long stream, computed beside whatever else is done with its pieces: hashing and
/// writing one gigabyte take about as long, so a writer that does one after the other moves half as
/// fast as it could. Short streams are hashed on the spot: a thread would cost more than it saves.
/// Belongs to one thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <thread>

#include "common/base/digest.h"

namespace landseer::worker {

class StreamHasher {
 public:
  StreamHasher() = default;
  ~StreamHasher();
  StreamHasher(const StreamHasher&) = delete;
  StreamHasher& operator=(const StreamHasher&) = delete;

  /// Takes the next piece, which must stay as it is until wait() returns. One at a time.
  void begin(std::string_view piece);
  /// Until what begin() took is hashed.
  void wait();
  /// Of all pieces. Call once, as the last.
  Digest finish();

 private:
  void work();

  Hasher hasher_;
  std::uint64_t bytes_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string_view piece_;  // being hashed by the thread; empty: none
  bool ending_ = false;
  std::thread thread_;  // from the first piece that is worth it
};

}  // namespace landseer::worker
