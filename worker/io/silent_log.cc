#include "worker/io/silent_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/base/unique_fd.h"
#include "worker/io/log_index.h"

namespace landseer::worker {
namespace {

constexpr const char* kSilentName = "silent";

bool make_shared_files(const std::filesystem::path& shared) {
  const UniqueFd file(open(shared.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  return file && LogIndex::create(shared, 1, 1);
}

/// One that has the name already may be an earlier log with a file of its own.
bool link_as(const std::filesystem::path& file, const std::filesystem::path& name) {
  if (link(file.c_str(), name.c_str()) == 0) return true;
  return errno == EEXIST && unlink(name.c_str()) == 0 && link(file.c_str(), name.c_str()) == 0;
}

/// The index first: where there is a log, there is one.
bool link_both(const std::filesystem::path& shared, const std::filesystem::path& log) {
  return link_as(index_path(shared), index_path(log)) && link_as(shared, log);
}

}  // namespace

bool begin_silent_log(const std::filesystem::path& log) {
  const std::filesystem::path shared = log.parent_path() / kSilentName;
  if (link_both(shared, log)) return true;
  return errno == ENOENT && make_shared_files(shared) && link_both(shared, log);
}

void end_silent_log(const std::filesystem::path& log) { unlink(index_path(log).c_str()); }

/// Exchanged, because ext4 flushes a file that is renamed over another.
bool put_in_place(const std::string& draft, const std::string& path) {
  if (renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
    unlink(draft.c_str());
    return true;
  }
  return rename(draft.c_str(), path.c_str()) == 0;
}

}  // namespace landseer::worker
