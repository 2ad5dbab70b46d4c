#include "broker/io/options.h"

#include <iostream>

#include "common/base/units.h"
#include "common/config/rendezvous.h"

namespace landseer::broker {
namespace {

constexpr Duration kLeaseMin = std::chrono::seconds(1);
constexpr Duration kLeaseMax = std::chrono::hours(24);

bool is_loopback(const std::string& address) {
  return address.starts_with("tcp://127.") || address.starts_with("tcp://[::1]") ||
         address.starts_with("tcp://localhost:");
}

std::string check_bind(const std::string& address) {
  if (is_loopback(address)) return {};
  return "only loopback addresses are allowed, since whoever can submit can run code on the "
         "workers' hosts and this version has no keys; reach the broker from other hosts through "
         "an ssh tunnel: " +
         address;
}

}  // namespace

int parse_options(int argc, const char* const* argv, Options& options) {
  CLI::App app("Owns the pipelines and gives ready tasks to workers.", "landseer-broker");
  options.state_folder = config::home_folder() + "/state";
  std::string lease = "120s";
  app.add_option("--state", options.state_folder, "folder for what must survive a restart")
      ->capture_default_str();
  for (const auto& [name, target, what] :
       {std::tuple{"--workers-bind", &options.workers_bind, "address for workers"},
        std::tuple{"--clients-bind", &options.clients_bind, "address for clients"},
        std::tuple{"--bulk-bind", &options.bulk_bind, "address for attachments"}}) {
    app.add_option(name, *target, std::string(what) + "; port 0 picks a free one")
        ->capture_default_str()
        ->check(CLI::Validator(check_bind, "ADDRESS"));
  }
  app.add_option("--lease", lease, "how long a silent worker keeps its tasks, 1s to 24h")
      ->capture_default_str();
  config::add_common_options(app, options.log);
  config::add_environment(app);
  if (const int code = config::parse(app, argc, argv); code >= 0) return code;
  const auto parsed = parse_duration(lease);
  if (!parsed || *parsed < kLeaseMin || *parsed > kLeaseMax) {
    std::cerr << "landseer-broker: --lease '" << lease << "' is not a duration from 1s to 24h\n";
    return 2;
  }
  options.lease = *parsed;
  return -1;
}

}  // namespace landseer::broker
