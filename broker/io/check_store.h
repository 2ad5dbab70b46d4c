/// `landseer-broker --check DIR`.
#pragma once

#include <string>

#include "common/base/result.h"

namespace landseer::broker {

/// Reads everything that a start on `folder` would read and says what is there, on one line.
/// Changes nothing; the broker must not be running. The errors are those of a start, and kVersion
/// for an older format, which a start would verify and upgrade.
Result<std::string> check_store(const std::string& folder);

}  // namespace landseer::broker
