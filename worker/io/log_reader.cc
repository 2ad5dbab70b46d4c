#include "worker/io/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/protocol/limits.h"
#include "worker/io/unique_fd.h"

namespace landseer::worker {

protocol::LogReply read_log(const std::filesystem::path& path,
                            const protocol::LogRequest& request) {
  protocol::LogReply reply;
  reply.session = request.session;
  reply.request = request.request;
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info {};
  if (file.get() < 0 || fstat(file.get(), &info) != 0) return reply;
  reply.found = true;
  reply.size = static_cast<std::uint64_t>(info.st_size);
  const std::uint64_t offset = std::min(request.offset, reply.size);
  reply.offset = request.from_end ? reply.size - offset : offset;
  const std::uint64_t wanted = std::min<std::uint64_t>(
      {request.limit, protocol::kLogChunkBytesMax, reply.size - reply.offset});
  reply.data.resize(static_cast<std::size_t>(wanted));
  const ssize_t got =
      pread(file.get(), reply.data.data(), reply.data.size(), static_cast<off_t>(reply.offset));
  reply.data.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return reply;
}

}  // namespace landseer::worker
