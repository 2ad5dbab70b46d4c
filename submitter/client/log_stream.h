/// Reads the log of one attempt from the worker that has it, through the broker's bulk port. Rides
/// out what can be ridden out without asking: tickets that expire, a broker that starts anew,
/// replies that get lost. One object belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "submitter/client/piece_window.h"
#include "submitter/client/stream.h"

namespace landseer::client {

struct LogPiece {
  std::uint64_t offset = 0;    ///< in what the tool wrote
  std::uint64_t left_out = 0;  ///< bytes before it that the worker did not keep
  std::uint64_t size = 0;
  bool finished = false;  ///< the log will not grow
  std::string_view data;  ///< may be empty: there is no more, now or at all
  std::vector<protocol::LogTime> times;
  std::shared_ptr<const net::Frame> frame;  ///< which `data` refers to
};

class LogStream {
 public:
  LogStream(Client& client, TaskId task, bool with_times)
      : client_(client), stream_(client), task_(task), with_times_(with_times) {}

  /// Asks the broker for leave; 0: the latest attempt, which it is from then on.
  Result<void> open(std::uint32_t attempt);
  /// Where the next piece begins.
  void seek(std::uint64_t offset) { window_.seek(offset); }
  /// Pieces are at most so long from now on; at least 1.
  void limit_pieces(std::uint32_t bytes) { window_.limit_pieces(bytes); }
  /// The next piece, the first time from the beginning. With `follow`, waits at the end until there
  /// is more, but a few seconds at most. kUnavailable: the worker, or the broker, is away.
  Result<LogPiece> next(bool follow);

  std::uint32_t attempt() const { return attempt_; }
  const std::string& worker() const { return worker_; }
  /// Up to here the log was read.
  std::uint64_t received() const { return window_.received(); }

 private:
  Result<void> ask(bool follow);
  /// Empty when the answer was none that counts.
  Result<std::optional<LogPiece>> take(StreamNews news);
  Result<void> on_error(const protocol::StreamError& error);

  Client& client_;
  Stream stream_;
  TaskId task_;
  bool with_times_;
  std::uint32_t attempt_ = 0;
  bool over_ = false;  ///< the broker says that the attempt is over
  std::string worker_;
  std::string ticket_;
  PieceWindow window_;
  int reopened_ = 0;  // since the last piece
};

}  // namespace landseer::client
