/// `--label KEY=VALUE`, which names a group of workers.
#pragma once

#include <string>
#include <utility>

#include "common/base/result.h"

namespace landseer::cli {

/// kInvalid unless it is KEY=VALUE with a key.
Result<std::pair<std::string, std::string>> parse_label(const std::string& text);

}  // namespace landseer::cli
