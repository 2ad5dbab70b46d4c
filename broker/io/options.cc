#include "broker/io/options.h"

#include <iostream>

#include "broker/io/load_guard.h"
#include "common/base/units.h"
#include "common/config/amounts.h"
#include "common/config/key_folder.h"
#include "common/config/rendezvous.h"
#include "common/net/socket.h"

namespace landseer::broker {
namespace {

constexpr std::uint64_t kSnapshotBytesMin = 4 * 1024;
/// An empty broker uses about 20 MiB.
constexpr std::uint64_t kMemoryMin = 64 * 1024 * 1024;
constexpr Duration kLeaseMin = std::chrono::seconds(1);
constexpr Duration kLeaseMax = std::chrono::hours(24);

/// Whoever can submit can run code on the workers' hosts. Leaves `keys_folder` empty if there are
/// no keys there and none are needed.
bool find_keys(Options& options) {
  const bool named = !options.keys_folder.empty();
  options.keys_folder = config::keys_folder(options.keys_folder);
  if (config::has_key_file(options.keys_folder, config::kBrokerKeyFile)) return true;
  if (named) {
    std::cerr << "landseer-broker: " << options.keys_folder
              << ": there is no broker.key (`landseer keys init --keys " << options.keys_folder
              << "` makes one)\n";
    return false;
  }
  options.keys_folder.clear();
  for (const std::string* address :
       {&options.workers_bind, &options.clients_bind, &options.bulk_bind}) {
    if (net::is_loopback(*address)) continue;
    std::cerr << "landseer-broker: " << *address
              << " can be reached from other machines, and there are no keys: whoever reaches it "
                 "could run code on your workers. Keep to 127.0.0.1, or make keys:\n"
                 "  landseer keys init                     # for this host: broker, you, a worker\n"
                 "  landseer keys add HOST --role worker   # makes HOST.key: put it there as\n"
                 "                                         # ~/.landseer/keys/worker.key\n"
                 "  landseer-broker ...                    # this command again\n";
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

bool read_lease(const std::string& lease, Options& options) {
  const auto parsed = parse_duration(lease);
  if (!parsed || *parsed < kLeaseMin || *parsed > kLeaseMax) {
    std::cerr << "landseer-broker: --lease '" << lease << "' is not a duration from 1s to 24h\n";
    return false;
  }
  options.lease = *parsed;
  return true;
}

bool read_trace(const std::string& bytes, Options& options) {
  const auto parsed = parse_bytes(bytes);
  if (!parsed || *parsed == 0) {
    std::cerr << "landseer-broker: --trace-bytes '" << bytes << "' is not a size such as 1GiB\n";
    return false;
  }
  options.trace_bytes = *parsed;
  return true;
}

bool read_memory(const std::string& limit, Options& options) {
  if (limit == "auto") {
    options.memory_limit = default_memory_limit();
    return true;
  }
  const auto bytes = parse_bytes(limit);
  if (!bytes || *bytes < kMemoryMin) {
    std::cerr << "landseer-broker: --memory-limit '" << limit
              << "' is neither `auto` nor a size from 64MiB\n";
    return false;
  }
  options.memory_limit = *bytes;
  return true;
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
  app.add_option("--keys", options.keys_folder,
                 "folder of key files; default: $LANDSEER_HOME/keys, if it has a broker.key");
  app.add_option("--lease", lease, "how long a silent worker keeps its tasks, 1s to 24h")
      ->capture_default_str();
  app.add_option("--disk-min", disk_min,
                 "with less than this free in the state folder, no new pipelines are taken")
      ->capture_default_str();
  app.add_option("--snapshot-bytes", snapshot_bytes, "journal that makes a snapshot due, from 4KiB")
      ->capture_default_str();
  app.add_option("--history", history, "how long history.sqlite keeps a finished pipeline")
      ->capture_default_str();
  std::string memory_limit = "auto";
  app.add_option("--memory-limit", memory_limit,
                 "above three quarters of this no submissions are taken, above it connections end; "
                 "auto: three quarters of the machine's, or of the cgroup's limit")
      ->capture_default_str();
  app.add_option("--connections-per-key", options.connections_per_key,
                 "how many a key may have open at each port")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  std::string trace_bytes = "1GiB";
  app.add_option("--trace", options.trace_file,
                 "write everything that decides into this file, for --replay; it holds what "
                 "clients and workers send");
  app.add_option("--trace-bytes", trace_bytes, "where the trace ends")->capture_default_str();
  app.add_option("--replay", options.replay_file,
                 "decide again by a trace, print a digest of all decisions, and end");
  app.add_flag("--decisions", options.decisions, "with --replay: print each decision, too");
  std::vector<std::string> resources;
  app.add_option("--resource", resources,
                 "NAME=AMOUNT of a resource that all workers share, such as licences; repeatable");
  config::add_common_options(app, options.log);
  config::add_environment(app);
  if (const int code = config::parse(app, argc, argv); code >= 0) return code;
  if (!read_lease(lease, options)) return 2;
  if (!read_trace(trace_bytes, options)) return 2;
  auto amounts = config::parse_amounts(resources);
  if (!amounts) {
    std::cerr << "landseer-broker: " << amounts.error().to_string() << '\n';
    return 2;
  }
  options.resources = std::move(*amounts);
  if (!read_memory(memory_limit, options)) return 2;
  if (!read_storage(disk_min, snapshot_bytes, history, options)) return 2;
  if (!options.check_folder.empty()) return -1;
  return find_keys(options) ? -1 : 2;
}

}  // namespace landseer::broker
