/// The runtimes that this worker offers: those that passed their probe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/io/container_options.h"
#include "worker/io/engine_probe.h"
#include "worker/io/runtime.h"
#include "worker/io/tool_contract.h"

namespace landseer::worker {

struct RuntimeSetup {
  /// Names, the default one first; or `auto`: the first that works of podman, docker, apptainer and
  /// singularity.
  std::vector<std::string> names;
  ContainerOptions containers;
  std::string process_images;  ///< see ProcessRuntime
  std::string process_memory;
  Variables host_variables;
  std::vector<std::string> host_environment;
  ProbePlace place;
  std::string lock_folder;  ///< see ImageKeeper
};

class Runtimes {
 public:
  /// Probes them. An error: one that was named does not work, or with `auto` none does.
  static Result<Runtimes> start(const RuntimeSetup& setup);
  Runtimes() = default;

  void add(std::unique_ptr<Runtime> runtime);
  /// Empty: the default one. Null: it is not offered.
  Runtime* find(std::string_view name) const;
  /// The default one first.
  std::vector<std::string> names() const;

 private:
  std::vector<std::unique_ptr<Runtime>> list_;
};

/// The words that --runtime takes.
const std::vector<std::string>& runtime_words();

}  // namespace landseer::worker
