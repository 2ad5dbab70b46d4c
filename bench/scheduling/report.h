/// What a comparison says, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/scheduling/cases.h"

namespace landseer::bench {

/// A table, medians with the lowest and highest in parentheses; completion also of the means.
std::string text_of(const Case& chosen, const Comparison& comparison);
nlohmann::ordered_json json_of(const Case& chosen, const Comparison& comparison);

}  // namespace landseer::bench
