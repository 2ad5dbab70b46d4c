/// landseer-dashboard: start, say "ready", serve browsers, stop.
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "common/config/dashboard_file.h"
#include "common/log/log.h"
#include "common/net/process_limits.h"
#include "common/net/service.h"
#include "dashboard/gateway/http_server.h"
#include "dashboard/gateway/options.h"

namespace {

int report(const landseer::Error& error) {
  std::cerr << "landseer-dashboard: " << error.to_string() << '\n';
  return error.code == landseer::ErrorCode::kInvalid ? 2 : 1;
}

std::string own_folder() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace landseer;
  gateway::Options options;
  if (const int code = gateway::parse_options(argc, argv, options); code >= 0) return code;
  log::start("landseer-dashboard", options.log.level, options.log.format);
  net::raise_file_limit();
  net::forbid_core_files();
  net::SignalWatch signals;
  const auto key = config::make_dashboard_key();
  if (!key) return report(key.error());
  const std::string instance = config::random_digest().hex().substr(0, 8);

  gateway::Assets assets(options.web.empty() ? gateway::web_folder(own_folder()) : options.web);
  if (auto loaded = assets.load(); !loaded) return report(loaded.error());
  gateway::Model model;
  gateway::EventLog events(instance);
  gateway::HttpCounts counts;
  gateway::AccessSettings settings{*key, instance, options.hosts};
  settings.session_rate = {options.requests_per_second, 4 * options.requests_per_second};
  gateway::Access access(std::move(settings));
  gateway::Actions actions;
  gateway::Api api(model, actions, options.broker, instance);
  gateway::Feed feed(model, events, options.broker);
  gateway::Service service(model, events, api, access, assets,
                           {model, events, feed.counts(), counts}, {});
  gateway::HttpLimits limits;
  limits.connections = options.connections;
  limits.read = options.request_timeout;
  limits.write = 4 * options.write_timeout;  // a whole response, not a batch of events
  limits.stream_write = options.write_timeout;
  gateway::HttpServer server(service, events, counts, limits);
  const auto address = server.listen(options.bind);
  if (!address) return report(address.error());
  const config::DashboardFile file{"http://" + *address, instance, getpid()};
  if (auto written = config::write_dashboard_file(file); !written) return report(written.error());
  feed.start();
  std::cout << "ready " << file.url << std::endl;
  net::notify_service("READY=1");
  server.run(signals);
  // Those that speak to the server's loop end before it.
  feed.stop();
  api.stop();
  net::notify_service("STOPPING=1");
  config::remove_dashboard_file(instance);
  return 0;
}
