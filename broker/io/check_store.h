/// `landseer-broker --check DIR`.
#pragma once

#include <string>

#include "common/base/result.h"

namespace landseer::broker {

/// Reads everything that a start on `folder` would read and says what is there, on one line.
/// As a start does, it raises the folder's epoch and upgrades a store of an older format, which
/// stays beside the new one; it changes nothing else. The broker must not be running. The errors
/// are those of a start.
Result<std::string> check_store(const std::string& folder);

}  // namespace landseer::broker
