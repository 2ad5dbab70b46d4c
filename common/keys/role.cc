#include "common/keys/role.h"

namespace landseer::keys {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kReader:
      return "reader";
    case Role::kSubmitter:
      return "submitter";
    case Role::kWorker:
      return "worker";
    case Role::kAdmin:
      return "admin";
  }
  return "unknown";
}

std::optional<Role> role_from(std::string_view word) {
  for (const Role role : kRoles) {
    if (word == to_string(role)) return role;
  }
  return std::nullopt;
}

std::string_view to_string(Door door) {
  switch (door) {
    case Door::kWorkers:
      return "workers";
    case Door::kClients:
      return "clients";
    case Door::kBulk:
      return "bulk";
  }
  return "unknown";
}

std::optional<Door> door_from(std::string_view word) {
  for (const Door door : kDoors) {
    if (word == to_string(door)) return door;
  }
  return std::nullopt;
}

bool opens(Role role, Door door) {
  switch (door) {
    case Door::kWorkers:
      return role == Role::kWorker;
    case Door::kClients:
      return role != Role::kWorker;
    case Door::kBulk:
      return true;
  }
  return false;
}

}  // namespace landseer::keys
