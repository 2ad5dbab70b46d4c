/// Which words name a resource of the site, and which name ours in `resources:` of pipeline files.
#pragma once

#include <array>
#include <string_view>

namespace landseer::protocol {

inline constexpr std::array<std::string_view, 8> kRequestKeys{
    "cpus", "gpus", "memory", "gpu_memory", "gpu_model", "scratch", "labels", "runtime"};

bool is_request_key(std::string_view name);
/// Letters, digits, `_`, `-` and `.`, beginning with a letter, and none of ours.
bool is_resource_name(std::string_view name);

}  // namespace landseer::protocol
