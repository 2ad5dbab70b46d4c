#include "submitter/client/address.h"

#include <cstdlib>

#include "common/config/rendezvous.h"

namespace landseer::client {
namespace {

std::string with_scheme(const std::string& address) {
  return address.find("://") == std::string::npos ? "tcp://" + address : address;
}

}  // namespace

bool is_address_known(const std::string& given) {
  const char* variable = std::getenv("LANDSEER_BROKER");
  const auto rendezvous = config::read_rendezvous();
  return !given.empty() || (variable != nullptr && *variable != '\0') ||
         (rendezvous && !rendezvous->clients_address.empty());
}

Result<std::string> resolve_address(const std::string& given) {
  if (!given.empty()) return with_scheme(given);
  const char* variable = std::getenv("LANDSEER_BROKER");
  if (variable != nullptr && *variable != '\0') return with_scheme(variable);
  const auto rendezvous = config::read_rendezvous();
  if (rendezvous && !rendezvous->clients_address.empty()) return rendezvous->clients_address;
  if (!rendezvous && rendezvous.error().code != ErrorCode::kUnavailable) {
    return tl::make_unexpected(rendezvous.error());
  }
  return std::string(kDefaultAddress);
}

}  // namespace landseer::client
