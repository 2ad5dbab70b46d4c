#include "worker/io/log_capture.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/text.h"
#include "common/net/clock.h"
#include "common/protocol/limits.h"
#include "worker/io/silent_log.h"

namespace landseer::worker {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;    // what a pipe holds, pipe(7)
constexpr int kReadsPerTurn = 4;                 // so that other attempts get theirs
constexpr int kReadsAtEnd = 16;                  // a pipe can be set to hold 1 MiB
constexpr std::size_t kRecentBytes = 16 * 1024;  // the end of it, also where the disk is full

static_assert(kRecentBytes >= protocol::kLogTailBytesMax);

Error system_error(const std::string& what, const std::string& where) {
  return Error{ErrorCode::kIo, what + ": " + strerrordesc_np(errno), where, {}};
}

/// Length of the well-formed UTF-8 character at the start of `text`, 0 if there is none.
std::size_t character_length(std::string_view text) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length) {
    if (is_utf8(text.substr(0, length))) return length;
  }
  return 0;
}

std::string repair_utf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) {
      clean.push_back('?');
    } else {
      clean.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

/// The last `bytes_max` bytes, from the start of a line if there is one, else of a character.
std::string_view last_lines(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  const bool at_line_start = text[text.size() - bytes_max - 1] == '\n';
  text.remove_prefix(text.size() - bytes_max);
  if (at_line_start) return text;
  const auto newline = text.find('\n');
  if (newline != std::string_view::npos && newline + 1 < text.size()) {
    text.remove_prefix(newline + 1);
  } else {
    for (int i = 0; i < 3 && (static_cast<unsigned char>(text[0]) & 0xC0) == 0x80; ++i) {
      text.remove_prefix(1);
    }
  }
  return text;
}

}  // namespace

Result<LogCapture> LogCapture::open(const std::string& path, std::uint64_t bytes_max) {
  LogCapture log;
  log.path_ = path;
  log.bytes_max_ = bytes_max;
  if (!begin_silent_log(path)) {
    if (auto made = log.make_files(); !made) return tl::make_unexpected(made.error());
  }
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return tl::make_unexpected(system_error("cannot make a pipe", path));
  }
  log.read_end_ = UniqueFd(ends[0]);
  log.write_end_ = UniqueFd(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return log;
}

/// The log first: with the new index beside it, an old one would be too short.
Result<void> LogCapture::make_files() {
  const std::string draft = path_ + ".new";
  file_ = UniqueFd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file_ || !put_in_place(draft, path_)) {
    file_.reset();
    return tl::make_unexpected(system_error("cannot write the log", path_));
  }
  const std::uint64_t ring = std::max<std::uint64_t>(bytes_max_ / 4, 1);
  auto index = LogIndex::create(path_, std::max<std::uint64_t>(bytes_max_ - ring, 1), ring);
  if (!index) {
    file_.reset();
    return tl::make_unexpected(index.error());
  }
  index_ = std::move(*index);
  return {};
}

void LogCapture::pump() {
  for (int i = 0; i < kReadsPerTurn && read_some(); ++i) {
  }
}

void LogCapture::finish() {
  for (int i = 0; i < kReadsAtEnd && read_some(); ++i) {
  }
  read_end_.reset();
  if (path_.empty()) return;  // an attempt that was only taken over has none
  if (dropped_ != 0) {
    const std::size_t repeated = std::min<std::uint64_t>(recent_.size(), dropped_);
    std::string note = "\n[landseer: " + std::to_string(dropped_ - repeated) +
                       " bytes of output were left out here: " + trouble_ + "]\n";
    note.append(recent_, recent_.size() - repeated);
    trouble_.clear();
    write_out(note);
  }
  if (!file_) return end_silent_log(path_);
  index_.finish();
  file_.reset();
}

std::string LogCapture::tail() const {
  return repair_utf8(last_lines(recent_, protocol::kLogTailBytesMax));
}

/// False when nothing is waiting now.
bool LogCapture::read_some() {
  if (!read_end_) return false;
  std::array<char, kReadBytes> buffer;
  const ssize_t got = read(read_end_.get(), buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR;
  if (got == 0) {
    read_end_.reset();
    return false;
  }
  take(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

void LogCapture::take(const char* data, std::size_t size) {
  recent_.append(data, size);
  if (recent_.size() > 2 * kRecentBytes) recent_.erase(0, recent_.size() - kRecentBytes);
  write_out({data, size});
}

void LogCapture::write_out(std::string_view data) {
  if (!file_ && trouble_.empty()) {
    if (const auto made = make_files(); !made) trouble_ = made.error().message;
  }
  if (!trouble_.empty()) dropped_ += data.size();
  while (!data.empty() && trouble_.empty()) {
    const LogState& state = index_.state();
    const std::size_t wanted = std::min<std::uint64_t>(data.size(), state.stretch_at(size_));
    index_.reserve(size_ + wanted);
    const ssize_t written =
        pwrite(file_.get(), data.data(), wanted, static_cast<off_t>(state.place_of(size_)));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      trouble_ = strerrordesc_np(errno);
      dropped_ += data.size();
      return;
    }
    size_ += static_cast<std::size_t>(written);
    index_.grow(size_, net::now().wall.unix_ms);
    data.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace landseer::worker
