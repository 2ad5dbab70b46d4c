/// The images of podman or docker on this host.
#pragma once

#include <string>

#include "worker/io/container_engine.h"
#include "worker/io/image_keeper.h"

namespace landseer::worker {

/// What the engine is to pull and look for. `docker://` is left out; podman, which would ask back
/// where to search, gets docker's own answer: docker.io. kInvalid: another scheme, or no name.
Result<std::string> engine_reference(const std::string& image);

/// An image's content is its id, the digest of its configuration, which names its layers: the same
/// on every host that pulled or loaded the same image.
class EngineImages final : public ImageSource {
 public:
  EngineImages(ContainerEngine engine, Duration pull_limit);

  Result<std::optional<Digest>> find(const std::string& image, const Cancel& cancel) override;
  Result<bool> has(const Digest& content, const Cancel& cancel) override;
  Result<void> pull(const std::string& image, const Cancel& cancel,
                    const std::function<void(std::string_view)>& on_line) override;

 private:
  Result<std::optional<Digest>> inspect(const std::string& reference, const Cancel& cancel);

  const ContainerEngine engine_;
  const Duration pull_limit_;
};

}  // namespace landseer::worker
