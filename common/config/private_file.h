/// Files in the user's Landseer folder that nobody else may read.
#pragma once

#include <string>

#include "common/base/result.h"

namespace landseer::config {

/// Makes the Landseer folder (0700) if need be and puts the file (0600) there in one step.
Result<void> replace_private_file(const std::string& path, const std::string& text);

}  // namespace landseer::config
