#include "worker/io/log_index.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "common/protocol/limits.h"
#include "worker/io/silent_log.h"

namespace landseer::worker {
namespace {

using protocol::LogTime;

static_assert(sizeof(LogState) == 56 && sizeof(LogTime) == 16, "as they are on disk");

bool read_exactly(int file, void* into, std::size_t size, std::uint64_t offset) {
  return pread(file, into, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

std::uint64_t place_of_time(std::uint64_t index) {
  return sizeof(LogState) + index * sizeof(LogTime);
}

std::optional<LogState> read_state(int file) {
  // Until it is the same twice: somebody may be writing it.
  LogState state;
  LogState again;
  again.size = 1;
  for (int i = 0; i < 100 && state != again; ++i) {
    again = state;
    if (!read_exactly(file, &state, sizeof state, 0)) return std::nullopt;
  }
  const LogState good;
  if (std::memcmp(state.title, good.title, sizeof good.title) != 0) return std::nullopt;
  if (state.head == 0 || state.ring == 0 || state.size > state.reserved) return std::nullopt;
  return state;
}

UniqueFd open_index(const std::filesystem::path& log) {
  return UniqueFd(open(index_path(log).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

}  // namespace

std::uint64_t LogState::kept_from(std::uint64_t offset) const {
  if (offset < head || reserved <= head + ring) return offset;
  return std::max(offset, reserved - ring);
}

std::filesystem::path index_path(const std::filesystem::path& log) {
  return log.native() + ".index";
}

std::optional<LogState> read_log_state(const std::filesystem::path& log) {
  const UniqueFd file = open_index(log);
  return file ? read_state(file.get()) : std::nullopt;
}

std::vector<LogTime> read_log_times(const std::filesystem::path& log, std::uint64_t begin,
                                    std::uint64_t end) {
  std::vector<LogTime> times;
  const UniqueFd file = open_index(log);
  const auto state = file ? read_state(file.get()) : std::nullopt;
  if (!state) return times;
  // The first mark behind `begin`; the one before it tells when `begin` was written.
  LogTime time;
  std::uint64_t low = 0;
  for (std::uint64_t high = state->times; low < high;) {
    const std::uint64_t middle = (low + high) / 2;
    if (!read_exactly(file.get(), &time, sizeof time, place_of_time(middle))) return times;
    (time.offset > begin ? high : low) = time.offset > begin ? middle : middle + 1;
  }
  for (std::uint64_t i = low > 0 ? low - 1 : 0; i < state->times; ++i) {
    if (!read_exactly(file.get(), &time, sizeof time, place_of_time(i))) break;
    if (time.offset >= end || times.size() >= protocol::kLogTimesMax) break;
    times.push_back(time);
  }
  return times;
}

Result<LogIndex> LogIndex::create(const std::filesystem::path& log, std::uint64_t head,
                                  std::uint64_t ring, std::uint64_t times_max) {
  LogIndex index;
  index.path_ = index_path(log);
  index.state_.head = head;
  index.state_.ring = ring;
  index.times_max_ = times_max;
  const std::string draft = index.path_.native() + ".new";
  index.file_ =
      UniqueFd(open(draft.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (index.file_) index.write_state();
  if (!index.file_ || !put_in_place(draft, index.path_.native())) {
    return fail(ErrorCode::kIo, std::string("cannot write the log: ") + strerrordesc_np(errno),
                log.string());
  }
  return index;
}

void LogIndex::reserve(std::uint64_t until) {
  if (until <= state_.head + state_.ring) return;
  state_.reserved = until;
  write_state();
}

void LogIndex::grow(std::uint64_t size, std::int64_t unix_ms) {
  // A clock that was set back begins anew, too.
  if (state_.times == 0 || unix_ms - last_time_ms_ >= time_step_ms_ || unix_ms < last_time_ms_) {
    add_time(state_.size, unix_ms);
  }
  state_.size = state_.reserved = size;
  write_state();
}

void LogIndex::finish() {
  state_.finished = 1;
  write_state();
  file_.reset();
}

void LogIndex::add_time(std::uint64_t offset, std::int64_t unix_ms) {
  if (state_.times >= times_max_) thin_out();
  const LogTime time{offset, unix_ms};
  const auto place = static_cast<off_t>(place_of_time(state_.times));
  // On a full disk the times end here; the bytes are what counts.
  if (pwrite(file_.get(), &time, sizeof time, place) != sizeof time) return;
  ++state_.times;
  last_time_ms_ = unix_ms;
}

/// Into a new file: a reader has the old one or the new one.
void LogIndex::thin_out() {
  time_step_ms_ *= 2;
  std::vector<LogTime> times(state_.times);
  if (!read_exactly(file_.get(), times.data(), times.size() * sizeof(LogTime), place_of_time(0))) {
    return;
  }
  for (std::size_t i = 0; i < times.size() / 2; ++i) times[i] = times[2 * i];
  times.resize(times.size() / 2);
  const std::string other = path_.native() + ".new";
  UniqueFd file(open(other.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  LogState thinned = state_;
  thinned.times = times.size();
  const auto bytes = static_cast<ssize_t>(times.size() * sizeof(LogTime));
  const bool good =
      file && pwrite(file.get(), &thinned, sizeof thinned, 0) == sizeof thinned &&
      pwrite(file.get(), times.data(), static_cast<std::size_t>(bytes), sizeof thinned) == bytes &&
      rename(other.c_str(), path_.c_str()) == 0;
  if (!good) {
    unlink(other.c_str());
    return;
  }
  file_ = std::move(file);
  state_ = thinned;
}

/// Over bytes that are there, which needs no room on the disk.
void LogIndex::write_state() { static_cast<void>(!pwrite(file_.get(), &state_, sizeof state_, 0)); }

}  // namespace landseer::worker
