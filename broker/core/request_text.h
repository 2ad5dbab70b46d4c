/// Requests in words, for people.
#pragma once

#include <cstdint>
#include <string>

#include "broker/core/request_table.h"

namespace landseer::broker {

/// 1500 is `1.5`.
std::string milli_text(std::uint64_t milli);
/// `zone=a or b`, `zone other than a`, `ssd with any value`, `no ssd`.
std::string rule_text(const domain::LabelRule& rule);
/// `2 CPU, 0.5 GPU a100, 512 MiB of memory, zone=a, runtime podman, dataset digits:clean`.
std::string request_text(const Request& request);

}  // namespace landseer::broker
