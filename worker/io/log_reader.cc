#include "worker/io/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/unique_fd.h"
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

void read_piece(int file, const LogState& state, std::uint32_t limit, protocol::LogData& reply) {
  const std::uint64_t wanted =
      std::min<std::uint64_t>({limit, protocol::kBlobChunkBytesMax, state.size - reply.offset,
                               state.stretch_at(reply.offset)});
  reply.data.resize(static_cast<std::size_t>(wanted));
  const ssize_t got = pread(file, reply.data.data(), reply.data.size(),
                            static_cast<off_t>(state.place_of(reply.offset)));
  reply.data.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
}

}  // namespace

protocol::LogData read_log(const std::filesystem::path& path, const protocol::GetLog& request) {
  protocol::LogData reply;
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return reply;
  reply.found = true;
  for (int i = 0; i < kTriesMax; ++i) {
    const LogState state = read_log_state(path).value_or(state_without_index(file.get()));
    reply.size = state.size;
    reply.finished = state.finished != 0;
    reply.offset = std::min(state.kept_from(std::min(request.offset, state.size)), state.size);
    read_piece(file.get(), state, request.limit, reply);
    // What was overwritten meanwhile is not what it was.
    const auto after = read_log_state(path).value_or(state);
    if (after.kept_from(reply.offset) == reply.offset) break;
    reply.data.clear();
  }
  if (request.with_times && !reply.data.empty()) {
    reply.times = read_log_times(path, reply.offset, reply.offset + reply.data.size());
  }
  return reply;
}

}  // namespace landseer::worker
