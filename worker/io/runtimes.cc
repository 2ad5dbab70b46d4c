#include "worker/io/runtimes.h"

#include <spdlog/spdlog.h>

#include <array>
#include <utility>

#include "worker/io/apptainer_runtime.h"
#include "worker/io/engine_runtime.h"
#include "worker/io/process_runtime.h"

namespace landseer::worker {
namespace {

constexpr std::array<const char*, 4> kContainerRuntimes{"podman", "docker", "apptainer",
                                                        "singularity"};

Result<std::unique_ptr<Runtime>> start_engine(ContainerEngine::Kind kind,
                                              const RuntimeSetup& setup) {
  auto engine = probe_engine(kind, setup.containers, setup.host_environment, setup.place);
  if (!engine) return tl::make_unexpected(engine.error());
  return std::make_unique<EngineRuntime>(std::move(*engine), setup.containers, setup.lock_folder);
}

Result<std::unique_ptr<Runtime>> start_runtime(const std::string& name, const RuntimeSetup& setup) {
  if (name == "process") {
    return std::make_unique<ProcessRuntime>(setup.process_images, setup.host_variables,
                                            setup.process_memory);
  }
  if (name == "podman") return start_engine(ContainerEngine::Kind::kPodman, setup);
  if (name == "docker") return start_engine(ContainerEngine::Kind::kDocker, setup);
  auto runtime = ApptainerRuntime::probe(name, setup.containers, setup.host_environment);
  if (!runtime) return tl::make_unexpected(runtime.error());
  return std::unique_ptr<Runtime>(std::move(*runtime));
}

Result<std::unique_ptr<Runtime>> choose_runtime(const RuntimeSetup& setup) {
  std::string reasons;
  for (const char* name : kContainerRuntimes) {
    auto runtime = start_runtime(name, setup);
    if (runtime) return runtime;
    reasons += (reasons.empty() ? "" : "; ") + runtime.error().message;
  }
  return fail(ErrorCode::kUnavailable, "no container runtime works here: " + reasons, "--runtime",
              "--runtime process runs tools as plain processes of your user");
}

}  // namespace

const std::vector<std::string>& runtime_words() {
  static const std::vector<std::string> words{"auto",        "podman",  "docker", "apptainer",
                                              "singularity", "process", "noop"};
  return words;
}

Result<Runtimes> Runtimes::start(const RuntimeSetup& setup) {
  Runtimes runtimes;
  for (const std::string& name : setup.names) {
    if (name == "noop") continue;  // runs nothing
    auto runtime = name == "auto" ? choose_runtime(setup) : start_runtime(name, setup);
    if (!runtime) return tl::make_unexpected(runtime.error());
    if (runtimes.find((*runtime)->name()) != nullptr) continue;
    spdlog::info("runtime {}", (*runtime)->name());
    runtimes.add(std::move(*runtime));
  }
  return runtimes;
}

void Runtimes::add(std::unique_ptr<Runtime> runtime) { list_.push_back(std::move(runtime)); }

Runtime* Runtimes::find(std::string_view name) const {
  for (const auto& runtime : list_) {
    if (name.empty() || runtime->name() == name) return runtime.get();
  }
  return nullptr;
}

std::vector<std::string> Runtimes::names() const {
  std::vector<std::string> names;
  for (const auto& runtime : list_) names.emplace_back(runtime->name());
  return names;
}

}  // namespace landseer::worker
