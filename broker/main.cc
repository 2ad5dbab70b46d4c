/// landseer-broker: start, say "ready", serve, stop.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <random>

#include "broker/io/check_store.h"
#include "broker/io/options.h"
#include "broker/io/server.h"
#include "broker/io/trace_file.h"
#include "common/config/rendezvous.h"
#include "common/log/log.h"
#include "common/net/process_limits.h"
#include "common/net/service.h"

namespace {

int report(const landseer::Error& error) {
  std::cerr << "landseer-broker: " << error.to_string() << '\n';
  return 1;
}

std::string new_instance() {
  std::random_device random;
  char text[17];
  std::snprintf(text, sizeof text, "%08x%08x", random(), random());
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace landseer;
  broker::Options options;
  if (const int code = broker::parse_options(argc, argv, options); code >= 0) return code;
  if (!options.check_folder.empty() || !options.replay_file.empty()) {
    const auto said =
        !options.check_folder.empty()
            ? broker::check_store(options.check_folder)
            : broker::replay_trace(options.replay_file, options.decisions ? &std::cout : nullptr);
    if (!said) return report(said.error());
    std::cout << *said << '\n';
    return 0;
  }
  log::start("landseer-broker", options.log.level, options.log.format);
  net::raise_file_limit();
  net::SignalWatch signals;

  auto folder = broker::StateFolder::open(options.state_folder);
  if (!folder) return report(folder.error());
  auto store = broker::Store::open(options.state_folder);
  if (!store) return report(store.error());
  (*store)->snapshot_bytes = options.snapshot_bytes;
  auto history = broker::History::open(options.state_folder, options.history);
  if (!history) return report(history.error());
  broker::Server server(**folder, **store, **history, options);
  auto addresses = server.bind({options.workers_bind, options.clients_bind, options.bulk_bind});
  if (!addresses) return report(addresses.error());
  if (auto recovered = server.recover(); !recovered) return report(recovered.error());
  const config::Rendezvous rendezvous{addresses->workers,
                                      addresses->clients,
                                      addresses->bulk,
                                      new_instance(),
                                      getpid(),
                                      options.state_folder,
                                      server.keys() ? server.keys()->public_key() : "",
                                      options.keys_folder};
  if (auto written = config::write_rendezvous(rendezvous); !written) return report(written.error());
  std::cout << "ready " << addresses->workers << ' ' << addresses->clients << ' ' << addresses->bulk
            << std::endl;
  net::notify_service("READY=1");
  const auto ended = server.run(signals);
  net::notify_service("STOPPING=1");
  config::remove_rendezvous(rendezvous.instance);
  return ended ? 0 : report(ended.error());
}
