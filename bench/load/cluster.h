/// A broker and workers as users run them: the real programs, on ports of their own, with keys, and
/// with their state on the disk that `folder` is on.
#pragma once

#include <string>
#include <vector>

#include "submitter/cli/process.h"
#include "submitter/client/client.h"

namespace landseer::bench {

struct ClusterOptions {
  std::string folder;     ///< is made, and removed at the end
  bool with_keys = true;  ///< CURVE on every port
  std::vector<std::string> broker_arguments{};
};

/// What a process has used so far, and holds now.
struct ProcessUse {
  double cpu_seconds = 0;            ///< of all its threads that still live
  std::uint64_t resident_bytes = 0;  ///< without what it shares with others
};

/// Ends the program, with a message, when something cannot be started: a figure of half a cluster
/// is none.
class Cluster {
 public:
  explicit Cluster(ClusterOptions options);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// Returns when it is ready. After kill_broker() it has the addresses and the state that it had.
  void start_broker();
  /// SIGKILL.
  void kill_broker();
  /// Returns when the broker has welcomed it.
  void start_worker(const std::string& name, std::vector<std::string> arguments = {});

  client::ClientOptions client_options() const;
  const std::string& workers_address() const { return addresses_.at(0); }
  const std::string& keys_folder() const { return keys_folder_; }
  ProcessUse broker_use() const;
  ProcessUse worker_use() const;  ///< of the first

 private:
  ClusterOptions options_;
  std::string keys_folder_;
  std::vector<std::string> addresses_;  // workers, clients, bulk
  cli::ProcessRef broker_;
  std::vector<cli::ProcessRef> workers_;
};

[[noreturn]] void die(const std::string& what);

}  // namespace landseer::bench
