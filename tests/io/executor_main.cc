/// Runs the tests, or is the executor that they start.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "worker/io/executor.h"

namespace {

/// What `landseer-worker executor` does, and settings it does not offer.
int executor_main(int argc, char** argv) {
  landseer::worker::ExecutorOptions options;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--socket") options.socket_path = argv[i + 1];
    if (name == "--state") options.state_folder = argv[i + 1];
    if (name == "--log-bytes-max") options.log_bytes_max = std::stoull(argv[i + 1]);
    if (name == "--cgroup-mounts") options.cgroups.mounts = argv[i + 1];
  }
  return landseer::worker::run_executor(options);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "executor") {
    return executor_main(argc, argv);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
