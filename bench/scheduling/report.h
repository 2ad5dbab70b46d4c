/// What a comparison says, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/figures.h"
#include "bench/scheduling/cases.h"

namespace landseer::bench {

/// A table, medians with the lowest and highest in parentheses; completion also of the means.
std::string text_of(const Case& chosen, const Comparison& comparison);
nlohmann::ordered_json json_of(const Case& chosen, const Comparison& comparison);
/// The makespan of finish-first over its lower bound; the rest of json_of() is in `extra`.
Figures figures_of(const Case& chosen, const Comparison& comparison, std::size_t seeds);

}  // namespace landseer::bench
