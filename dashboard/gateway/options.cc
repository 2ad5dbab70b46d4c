#include "dashboard/gateway/options.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>

#include "common/base/units.h"
#include "common/net/socket.h"

namespace landseer::gateway {
namespace {

/// Host names are compared in small letters and without a port.
void tidy_hosts(std::vector<std::string>& hosts) {
  for (std::string& host : hosts) {
    std::transform(host.begin(), host.end(), host.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
}

bool read_duration(const char* option, const std::string& text, Duration& target) {
  const auto parsed = parse_duration(text);
  if (parsed && *parsed >= std::chrono::milliseconds(100) && *parsed <= std::chrono::hours(1)) {
    target = *parsed;
    return true;
  }
  std::cerr << "landseer-dashboard: " << option << " '" << text
            << "' is not a duration from 100ms to 1h\n";
  return false;
}

}  // namespace

std::string web_folder(const std::string& program_folder) {
  const std::string installed = program_folder + "/../share/landseer/web";
  if (std::filesystem::exists(installed)) return installed;
  return program_folder + "/../../../dashboard/web/dist";
}

int parse_options(int argc, const char* const* argv, Options& options) {
  CLI::App app("Serves the dashboard of a broker to browsers.", "landseer-dashboard");
  bool trust_network = false;
  app.add_option("--broker", options.broker.address, "else as `landseer` finds it")
      ->type_name("ADDRESS");
  app.add_option("--keys", options.broker.keys, "folder with the client.key it looks with")
      ->type_name("DIR");
  app.add_option("--control-keys", options.broker.control_keys,
                 "folder with the client.key for what sessions do that may act; else --keys")
      ->type_name("DIR");
  app.add_option("--bind", options.bind, "address for browsers; port 0 picks a free one")
      ->capture_default_str()
      ->type_name("HOST:PORT");
  app.add_option("--host", options.hosts, "a name it may be asked by; repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_option("--web", options.web, "folder of the built page")->type_name("DIR");
  app.add_option("--requests-per-second", options.requests_per_second, "of one session")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  app.add_option("--connections", options.connections, "at most so many at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  std::string request_timeout = "30s";
  std::string write_timeout = "15s";
  app.add_option("--request-timeout", request_timeout, "for a request to arrive")
      ->capture_default_str()
      ->type_name("DURATION");
  app.add_option("--write-timeout", write_timeout, "for a client to read what it is sent")
      ->capture_default_str()
      ->type_name("DURATION");
  app.add_flag("--trust-network", trust_network,
               "allow an address that other machines can reach: use a proxy with TLS before it");
  config::add_common_options(app, options.log);
  config::add_environment(app);
  if (const int code = config::parse(app, argc, argv); code >= 0) return code;
  if (!read_duration("--request-timeout", request_timeout, options.request_timeout)) return 2;
  if (!read_duration("--write-timeout", write_timeout, options.write_timeout)) return 2;
  tidy_hosts(options.hosts);
  if (options.broker.control_keys.empty()) options.broker.control_keys = options.broker.keys;
  if (net::is_loopback("tcp://" + options.bind) || trust_network) return -1;
  std::cerr << "landseer-dashboard: " << options.bind
            << " can be reached from other machines, and what is sent is not encrypted (keep to "
               "127.0.0.1 and use `ssh -L`, or say --trust-network behind a proxy with TLS)\n";
  return 2;
}

}  // namespace landseer::gateway
