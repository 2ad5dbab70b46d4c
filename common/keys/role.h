/// Who a key belongs to, and which of the broker's ports it opens. What each role may ask for is in
/// broker/core/rights.h. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace landseer::keys {

enum class Role : std::uint8_t { kReader, kSubmitter, kWorker, kAdmin };
inline constexpr Role kRoles[] = {Role::kReader, Role::kSubmitter, Role::kWorker, Role::kAdmin};

std::string_view to_string(Role role);
/// Empty for a word that is none.
std::optional<Role> role_from(std::string_view word);

/// The doors of a broker: one for each of its sockets, and so their ZAP domains.
enum class Door : std::uint8_t { kWorkers, kClients, kBulk };
inline constexpr Door kDoors[] = {Door::kWorkers, Door::kClients, Door::kBulk};

std::string_view to_string(Door door);
std::optional<Door> door_from(std::string_view word);

/// Whether a key of this role gets in there at all.
bool opens(Role role, Door door);

/// A key as the broker knows it.
struct Authorized {
  Role role = Role::kReader;
  std::string name;
  std::string public_key;  ///< 40 characters of Z85
  std::string acts_for;    ///< whose pipelines it sees; kEverybody: all of them
  bool operator==(const Authorized&) const = default;
};

/// Instead of an owner's name, for readers that see all.
inline constexpr std::string_view kEverybody = "*";

}  // namespace landseer::keys
