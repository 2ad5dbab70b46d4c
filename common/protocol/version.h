/// Versions that decide who can talk to whom. docs/protocol.md, "Versions".
#pragma once

#include <cstdint>

namespace landseer::protocol {

/// The range this program speaks. A peer is refused, alone, when the ranges do not meet.
inline constexpr std::uint32_t kProtocolMin = 1;
inline constexpr std::uint32_t kProtocolMax = 1;

/// Format of what the broker keeps in its state folder.
inline constexpr std::uint32_t kStoreFormat = 2;

}  // namespace landseer::protocol
