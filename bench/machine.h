/// The machine and the build that figures come from.
#pragma once

#include <nlohmann/json.hpp>

namespace landseer::bench {

/// Commit, compiler, build type, processor, cores, memory and kernel.
nlohmann::ordered_json machine_facts();

}  // namespace landseer::bench
