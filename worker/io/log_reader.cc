#include "worker/io/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "common/base/unique_fd.h"
#include "common/protocol/codec.h"
#include "common/protocol/limits.h"
#include "worker/io/log_index.h"

namespace landseer::worker {
namespace {

/// A tool that overwrites the ring faster than it can be read gets ahead so often at most.
constexpr int kTriesMax = 100;

/// Logs of an earlier version have no index: they are as they are.
LogState state_without_index(int file) {
  LogState state;
  struct stat info {};
  if (fstat(file, &info) == 0) state.size = static_cast<std::uint64_t>(info.st_size);
  state.head = state.size + 1;
  state.ring = 1;
  state.reserved = state.size;
  state.finished = 1;
  return state;
}

/// Puts the piece's bytes where `room` says; as many as there are.
template <class Room>
std::size_t read_piece(int file, const LogState& state, std::uint32_t limit,
                       const protocol::LogData& reply, Room&& room) {
  const std::uint64_t wanted =
      std::min<std::uint64_t>({limit, protocol::kBlobChunkBytesMax, state.size - reply.offset,
                               state.stretch_at(reply.offset)});
  const std::span<char> place = room(static_cast<std::size_t>(wanted));
  const ssize_t got =
      pread(file, place.data(), place.size(), static_cast<off_t>(state.place_of(reply.offset)));
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

/// Number of bytes read. `room` is called for each try, after the rest of the reply is known.
template <class Room>
std::size_t read(const std::filesystem::path& path, const protocol::GetLog& request,
                 protocol::LogData& reply, Room&& room) {
  std::size_t bytes = 0;
  for (int i = 0; i < kTriesMax; ++i) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) break;
    reply.found = true;
    const LogState state = read_log_state(path).value_or(state_without_index(file.get()));
    reply.size = state.size;
    reply.finished = state.finished != 0;
    reply.offset = std::min(state.kept_from(std::min(request.offset, state.size)), state.size);
    bytes = read_piece(file.get(), state, request.limit, reply, room);
    // A silent log that was replaced meanwhile is shorter than the index of the new one says.
    if (bytes == 0 && request.limit > 0 && reply.offset < state.size) continue;
    // What was overwritten meanwhile is not what it was.
    const auto after = read_log_state(path).value_or(state);
    if (after.kept_from(reply.offset) == reply.offset) break;
    bytes = 0;
  }
  if (request.with_times && bytes > 0) {
    reply.times = read_log_times(path, reply.offset, reply.offset + bytes);
  }
  return bytes;
}

}  // namespace

protocol::LogData read_log(const std::filesystem::path& path, const protocol::GetLog& request) {
  protocol::LogData reply;
  const std::size_t bytes = read(path, request, reply, [&](std::size_t wanted) {
    reply.data.resize(wanted);
    return std::span<char>(reply.data);
  });
  reply.data.resize(bytes);
  return reply;
}

LogFrame read_log_frame(const std::filesystem::path& path, const protocol::GetLog& request,
                        std::uint64_t number) {
  LogFrame log;
  std::size_t begin = 0;
  std::size_t expected = 0;
  log.bytes = read(path, request, log.reply, [&](std::size_t wanted) {
    expected = wanted;
    log.frame = protocol::encode_around_log(log.reply, wanted, number).head;
    begin = log.frame.size();
    log.frame.resize(begin + wanted);
    return std::span<char>(log.frame).subspan(begin);
  });
  const auto around = protocol::encode_around_log(log.reply, log.bytes, number);
  if (log.frame.empty()) {
    log.frame = around.head;
  } else if (log.bytes != expected) {
    // The file was shorter than its index says, or is written to all the time.
    log.frame.resize(begin + log.bytes);
    log.frame.replace(0, begin, around.head);
  }
  log.frame += around.tail;
  return log;
}

}  // namespace landseer::worker
