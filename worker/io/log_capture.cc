#include "worker/io/log_capture.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "common/base/text.h"
#include "common/protocol/limits.h"

namespace landseer::worker {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;    // what a pipe holds, pipe(7)
constexpr int kReadsPerTurn = 4;                 // so that other attempts get theirs
constexpr int kReadsAtEnd = 16;                  // a pipe can be set to hold 1 MiB
constexpr std::size_t kRecentBytes = 16 * 1024;  // of the left out part, written behind the note

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
  log.room_ = bytes_max;
  log.file_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!log.file_) return tl::make_unexpected(system_error("cannot write the log", path));
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return tl::make_unexpected(system_error("cannot make a pipe", path));
  }
  log.read_end_ = UniqueFd(ends[0]);
  log.write_end_ = UniqueFd(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return log;
}

void LogCapture::pump() {
  for (int i = 0; i < kReadsPerTurn && read_some(); ++i) {
  }
}

void LogCapture::finish() {
  for (int i = 0; i < kReadsAtEnd && read_some(); ++i) {
  }
  read_end_.reset();
  if (dropped_ != 0) {
    const std::size_t repeated = std::min<std::uint64_t>(recent_.size(), dropped_);
    std::string note = "\n[landseer: " + std::to_string(dropped_ - repeated) +
                       " bytes of output were left out here" +
                       (trouble_.empty() ? "" : ": " + trouble_) + "]\n";
    note.append(recent_, recent_.size() - repeated);
    room_ = std::numeric_limits<std::uint64_t>::max();
    write_out(note.data(), note.size());
  }
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
  const std::size_t kept = std::min<std::uint64_t>(size, room_);
  dropped_ += size - kept;
  room_ -= kept;
  write_out(data, kept);
}

void LogCapture::write_out(const char* data, std::size_t size) {
  while (size != 0) {
    const ssize_t written = write(file_.get(), data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      trouble_ = strerrordesc_np(errno);
      dropped_ += size;
      room_ = 0;
      return;
    }
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

}  // namespace landseer::worker
