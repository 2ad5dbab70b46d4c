#include "broker/io/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

namespace landseer::broker {

std::string audit_line(const Audit& audit, WallTime at) {
  nlohmann::ordered_json line;
  line["at"] = at.unix_ms;
  line["key"] = audit.key;
  line["role"] = audit.role;
  line["verb"] = audit.verb;
  line["target"] = audit.target;
  using Json = nlohmann::ordered_json;
  return line.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

/// The next write begins with the file anew.
Result<void> AuditLog::fail_write() {
  const int error = errno;
  file_.reset();
  return fail(ErrorCode::kIo, std::string("cannot write: ") + std::strerror(error), path_,
              "check the folder's owner and free space");
}

Result<void> AuditLog::open() {
  file_ =
      UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  struct stat status {};
  if (!file_ || fstat(file_.get(), &status) != 0) return fail_write();
  bytes_ = static_cast<std::uint64_t>(status.st_size);
  // Its name, and that of the one before, must be there after a power cut, too.
  const UniqueFd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || fsync(folder.get()) != 0) return fail_write();
  return {};
}

Result<void> AuditLog::write(const std::vector<Audit>& audits, WallTime at) {
  if (audits.empty()) return {};
  if (file_ && bytes_ > bytes_max_) {
    if (fdatasync(file_.get()) != 0) return fail_write();
    rename(path_.c_str(), (path_ + ".1").c_str());
    file_.reset();
  }
  if (!file_) {
    if (auto opened = open(); !opened) return opened;
  }
  std::string lines;
  for (const Audit& audit : audits) lines += audit_line(audit, at);
  if (::write(file_.get(), lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) {
    return fail_write();
  }
  bytes_ += lines.size();
  unsynced_ = true;
  return {};
}

Result<void> AuditLog::sync() {
  if (!file_ || !std::exchange(unsynced_, false)) return {};
  if (fdatasync(file_.get()) != 0) return fail_write();
  return {};
}

}  // namespace landseer::broker
