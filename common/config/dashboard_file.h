/// How `landseer dashboard` finds the gateway of this user: `$LANDSEER_HOME/dashboard.json`, there
/// while a gateway serves, and `$LANDSEER_HOME/dashboard.key`, which stays, so that sessions
/// outlive a restart. Both can be read by the user only: who has the key opens the dashboard.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/digest.h"
#include "common/base/result.h"

namespace landseer::config {

struct DashboardFile {
  std::string url;       ///< `http://127.0.0.1:7713`
  std::string instance;  ///< random, new for every start of the gateway
  std::int64_t pid = 0;
};

/// kUnavailable when there is no file, kInvalid when it cannot be understood.
Result<DashboardFile> read_dashboard_file();
/// Makes the folder (0700) and replaces the file (0600) in one step.
Result<void> write_dashboard_file(const DashboardFile& file);
/// Removes the file if it is still the one of `instance`.
void remove_dashboard_file(const std::string& instance);

/// The key, kUnavailable when there is none.
Result<Digest> read_dashboard_key();
/// The key; makes one if there is none.
Result<Digest> make_dashboard_key();

/// From the kernel's random numbers.
Digest random_digest();

}  // namespace landseer::config
