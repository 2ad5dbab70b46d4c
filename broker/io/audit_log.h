/// Who changed what: one line of JSON for each accepted verb, in `audit.log` of the state folder.
/// For people; nothing is ever decided by it. docs/operations.md, "Keys".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/core/outbox.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"

namespace landseer::broker {

class AuditLog {
 public:
  /// A file that grows beyond `bytes_max` becomes `audit.log.1`, and the one before it goes.
  explicit AuditLog(const std::string& folder, std::uint64_t bytes_max = 64 * 1024 * 1024)
      : folder_(folder), path_(folder + "/audit.log"), bytes_max_(bytes_max) {}

  Result<void> write(const std::vector<Audit>& audits, WallTime at);
  /// Returns when what was written is on the disk.
  Result<void> sync();

 private:
  Result<void> open();
  Result<void> fail_write();

  std::string folder_;
  std::string path_;
  std::uint64_t bytes_max_;
  UniqueFd file_;
  std::uint64_t bytes_ = 0;
  bool unsynced_ = false;
};

/// A line, its end included.
std::string audit_line(const Audit& audit, WallTime at);

}  // namespace landseer::broker
