/// What is known of a log besides its bytes, in the file `X.log.index` beside `X.log`: how much the
/// tool wrote, where the bytes stand, and when they were written. The log keeps the first `head`
/// bytes and, in a ring behind them, the last `ring` bytes; what lies between is given up. Both
/// files are good after every write, so that what was written survives whoever wrote it. Native
/// byte order: the files never leave their host.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/protocol/bulk_messages.h"

namespace landseer::worker {

struct LogState {
  char title[8] = {'l', 'o', 'g', 'i', 'n', 'd', 'x', '1'};
  std::uint64_t head = 0;
  std::uint64_t ring = 0;
  std::uint64_t size = 0;      ///< of all that was written
  std::uint64_t reserved = 0;  ///< up to here the ring is being overwritten
  std::uint64_t finished = 0;  ///< 1: nobody writes any more
  std::uint64_t times = 0;     ///< marks behind this header
  bool operator==(const LogState&) const = default;

  /// Where the byte at `offset` of what was written stands in the log.
  std::uint64_t place_of(std::uint64_t offset) const {
    return offset < head ? offset : head + (offset - head) % ring;
  }
  /// Bytes from `offset` on that stand side by side.
  std::uint64_t stretch_at(std::uint64_t offset) const {
    return offset < head ? head - offset : ring - (offset - head) % ring;
  }
  /// The first byte at or after `offset` that is still there.
  std::uint64_t kept_from(std::uint64_t offset) const;
};

std::filesystem::path index_path(const std::filesystem::path& log);
/// Empty without an index, or with one that is none.
std::optional<LogState> read_log_state(const std::filesystem::path& log);
/// The marks that tell when the bytes of [begin, end) were written, at most kLogTimesMax.
std::vector<protocol::LogTime> read_log_times(const std::filesystem::path& log, std::uint64_t begin,
                                              std::uint64_t end);

/// The number of marks is bounded: when the file is full every second one goes, and from then on
/// they are twice as far apart.
class LogIndex {
 public:
  LogIndex() = default;
  static Result<LogIndex> create(const std::filesystem::path& log, std::uint64_t head,
                                 std::uint64_t ring, std::uint64_t times_max = kTimesMax);

  const LogState& state() const { return state_; }
  /// Before bytes up to `until` are written over older ones.
  void reserve(std::uint64_t until);
  /// After they were written.
  void grow(std::uint64_t size, std::int64_t unix_ms);
  void finish();

  static constexpr std::uint64_t kTimesMax = 65'536;    // one MiB
  static constexpr std::int64_t kTimeStepFirstMs = 10;  // between marks

 private:
  void add_time(std::uint64_t offset, std::int64_t unix_ms);
  void thin_out();
  void write_state();

  std::filesystem::path path_;
  UniqueFd file_;
  LogState state_;
  std::uint64_t times_max_ = kTimesMax;
  std::int64_t time_step_ms_ = kTimeStepFirstMs;
  std::int64_t last_time_ms_ = 0;
};

}  // namespace landseer::worker
