/// landseer-worker: the agent; and, as `landseer-worker executor`, the process that it leaves the
/// tools to.
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "common/log/log.h"
#include "common/net/process_limits.h"
#include "worker/io/executor.h"
#include "worker/io/options.h"
#include "worker/io/server.h"

namespace {

int run_as_executor(int argc, char** argv) {
  landseer::worker::ExecutorOptions options;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--socket") options.socket_path = argv[i + 1];
    if (name == "--state") options.state_folder = argv[i + 1];
    if (name == "--files") options.files = std::strtoull(argv[i + 1], nullptr, 10);
  }
  if (options.socket_path.empty() || options.state_folder.empty()) {
    std::cerr << "landseer-worker executor: is started by landseer-worker, not by hand\n";
    return 2;
  }
  return landseer::worker::run_executor(std::move(options));
}

int report(const landseer::Error& error) {
  std::cerr << "landseer-worker: " << error.to_string() << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace landseer;
  if (argc > 1 && std::string_view(argv[1]) == "executor") return run_as_executor(argc, argv);
  worker::Options options;
  if (const int code = worker::parse_options(argc, argv, options); code >= 0) return code;
  log::start("landseer-worker", options.log.level, options.log.format);
  options.files_before = net::raise_file_limit();
  net::forbid_core_files();
  net::SignalWatch signals;
  auto server = worker::Server::start(options);
  if (!server) return report(server.error());
  if (auto ended = (*server)->run(signals); !ended) return report(ended.error());
  return 0;
}
