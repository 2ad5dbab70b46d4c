/// Tools in containers of podman or docker.
#pragma once

#include <memory>
#include <string>

#include "worker/io/container_engine.h"
#include "worker/io/engine_images.h"
#include "worker/io/image_keeper.h"
#include "worker/io/runtime.h"

namespace landseer::worker {

class EngineRuntime final : public Runtime {
 public:
  /// `lock_folder`: see ImageKeeper.
  EngineRuntime(ContainerEngine engine, ContainerOptions options, const std::string& lock_folder);

  std::string_view name() const override { return engine_.name(); }
  Result<Digest> obtain_image(const std::string& image, const Digest& bound,
                              const Cancel& cancel) override;
  Result<std::optional<Digest>> look(const std::string& image, const Cancel& cancel) override;
  bool keeps_contents() const override { return true; }
  bool keeps(const Digest& content, const Cancel& cancel) override;
  std::optional<std::vector<ImageTrace>> traces(const std::string& image) const override;
  std::vector<std::string> event_command() const override;
  std::vector<std::string> event_environment() const override { return engine_.env; }
  Result<Launch> make_launch(const RunRequest& request) const override;
  /// Exit code 125 and a word of the engine's: it could not start the container.
  void judge(Ended& ended) const override;

 private:
  const ContainerEngine engine_;
  const ContainerOptions options_;
  EngineImages images_;
  ImageKeeper keeper_;
};

}  // namespace landseer::worker
