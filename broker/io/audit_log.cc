#include "broker/io/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

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

Result<void> AuditLog::open() {
  file_ =
      UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  struct stat status {};
  if (!file_ || fstat(file_.get(), &status) != 0) {
    return fail(ErrorCode::kIo, std::string("cannot write: ") + std::strerror(errno), path_,
                "check the folder's owner and free space");
  }
  bytes_ = static_cast<std::uint64_t>(status.st_size);
  return {};
}

Result<void> AuditLog::write(const std::vector<Audit>& audits, WallTime at) {
  if (audits.empty()) return {};
  if (file_ && bytes_ > bytes_max_) {
    rename(path_.c_str(), (path_ + ".1").c_str());
    file_.reset();
  }
  if (!file_) {
    if (auto opened = open(); !opened) return opened;
  }
  std::string lines;
  for (const Audit& audit : audits) lines += audit_line(audit, at);
  if (::write(file_.get(), lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) {
    file_.reset();
    return fail(ErrorCode::kIo, std::string("cannot write: ") + std::strerror(errno), path_,
                "check the folder's free space");
  }
  bytes_ += lines.size();
  return {};
}

}  // namespace landseer::broker
