/// `--resource NAME=AMOUNT`: resources that a site gives a name to, as broker and worker offer
/// them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace landseer::config {

/// By name; an error says which text is wrong and how it should be.
Result<std::map<std::string, std::uint64_t>> parse_amounts(const std::vector<std::string>& texts);

}  // namespace landseer::config
