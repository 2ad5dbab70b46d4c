/// Requests in words, for people.
#pragma once

#include <cstdint>
#include <string>

#include "broker/core/request_table.h"

namespace landseer::broker {

/// 1500 is `1.5`.
std::string milli_text(std::uint64_t milli);
/// `2 CPU, 0.5 GPU, 512 MiB of memory, runtime podman, dataset digits:clean`.
std::string request_text(const Request& request);

}  // namespace landseer::broker
