#include "broker/io/options.h"

#include <iostream>

#include "common/base/units.h"
#include "common/config/amounts.h"
#include "common/config/rendezvous.h"
#include "common/net/socket.h"

namespace landseer::broker {
namespace {

constexpr std::uint64_t kSnapshotBytesMin = 4 * 1024;
constexpr Duration kLeaseMin = std::chrono::seconds(1);
constexpr Duration kLeaseMax = std::chrono::hours(24);

/// Whoever can submit can run code on the workers' hosts, and this version has no keys.
bool is_allowed(const Options& options, bool trust_network) {
  for (const std::string* address :
       {&options.workers_bind, &options.clients_bind, &options.bulk_bind}) {
    if (trust_network || net::is_loopback(*address)) continue;
    std::cerr << "landseer-broker: " << *address
              << " can be reached from other machines, and this version has no keys: whoever "
                 "reaches it can run code on your workers (keep to 127.0.0.1, or say "
                 "--trust-network if everybody on this network may)\n";
    return false;
  }
  return true;
}

bool read_storage(const std::string& disk_min, const std::string& snapshot_bytes,
                  const std::string& history, Options& options) {
  const auto minimum = parse_bytes(disk_min);
  const auto snapshot = parse_bytes(snapshot_bytes);
  const auto keep = parse_duration(history);
  if (!minimum) {
    std::cerr << "landseer-broker: --disk-min '" << disk_min << "' is not a size such as 1GiB\n";
  } else if (!snapshot || *snapshot < kSnapshotBytesMin) {
    std::cerr << "landseer-broker: --snapshot-bytes '" << snapshot_bytes
              << "' is not a size from 4KiB\n";
  } else if (!keep) {
    std::cerr << "landseer-broker: --history '" << history << "' is not a duration such as 365d\n";
  } else {
    options.disk_min = *minimum;
    options.snapshot_bytes = *snapshot;
    options.history = *keep;
    return true;
  }
  return false;
}

}  // namespace

int parse_options(int argc, const char* const* argv, Options& options) {
  CLI::App app("Owns the pipelines and gives ready tasks to workers.", "landseer-broker");
  options.state_folder = config::home_folder() + "/state";
  std::string lease = "120s";
  std::string disk_min = "1GiB";
  std::string snapshot_bytes = "64MiB";
  std::string history = "365d";
  app.add_option("--state", options.state_folder, "folder for what must survive a restart")
      ->capture_default_str();
  for (const auto& [name, target, what] :
       {std::tuple{"--workers-bind", &options.workers_bind, "address for workers"},
        std::tuple{"--clients-bind", &options.clients_bind, "address for clients"},
        std::tuple{"--bulk-bind", &options.bulk_bind, "address for attachments"}}) {
    app.add_option(name, *target, std::string(what) + "; port 0 picks a free one")
        ->capture_default_str();
  }
  app.add_option("--check", options.check_folder,
                 "verify the state folder of a stopped broker, say what is in it, and end");
  bool trust_network = false;
  app.add_flag("--trust-network", trust_network, "allow addresses that other machines can reach");
  app.add_option("--lease", lease, "how long a silent worker keeps its tasks, 1s to 24h")
      ->capture_default_str();
  app.add_option("--disk-min", disk_min,
                 "with less than this free in the state folder, no new pipelines are taken")
      ->capture_default_str();
  app.add_option("--snapshot-bytes", snapshot_bytes, "journal that makes a snapshot due, from 4KiB")
      ->capture_default_str();
  app.add_option("--history", history, "how long history.sqlite keeps a finished pipeline")
      ->capture_default_str();
  std::vector<std::string> resources;
  app.add_option("--resource", resources,
                 "NAME=AMOUNT of a resource that all workers share, such as licences; repeatable");
  config::add_common_options(app, options.log);
  config::add_environment(app);
  if (const int code = config::parse(app, argc, argv); code >= 0) return code;
  const auto parsed = parse_duration(lease);
  if (!parsed || *parsed < kLeaseMin || *parsed > kLeaseMax) {
    std::cerr << "landseer-broker: --lease '" << lease << "' is not a duration from 1s to 24h\n";
    return 2;
  }
  options.lease = *parsed;
  auto amounts = config::parse_amounts(resources);
  if (!amounts) {
    std::cerr << "landseer-broker: " << amounts.error().to_string() << '\n';
    return 2;
  }
  options.resources = std::move(*amounts);
  if (!read_storage(disk_min, snapshot_bytes, history, options)) return 2;
  return is_allowed(options, trust_network) ? -1 : 2;
}

}  // namespace landseer::broker
