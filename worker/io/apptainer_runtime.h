/// Tools in containers of apptainer, or of singularity, which it once was: a container is a process
/// tree of ours there, and an image one file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/io/container_options.h"
#include "worker/io/image_keeper.h"
#include "worker/io/runtime.h"
#include "worker/io/sif_images.h"

namespace landseer::worker {

class ApptainerRuntime final : public Runtime {
 public:
  /// `name`: apptainer or singularity. kNotFound: it is not installed. kUnavailable: it does not
  /// answer.
  static Result<std::unique_ptr<ApptainerRuntime>> probe(const std::string& name,
                                                         const ContainerOptions& options,
                                                         const std::vector<std::string>& env);

  std::string_view name() const override { return name_; }
  Result<Digest> obtain_image(const std::string& image, const Digest& bound,
                              const Cancel& cancel) override;
  Result<std::optional<Digest>> look(const std::string& image, const Cancel& cancel) override;
  std::optional<std::vector<ImageTrace>> traces(const std::string& image) const override;
  Result<Launch> make_launch(const RunRequest& request) const override;
  /// Exit code 255 and a word of apptainer's: it could not start the container.
  void judge(Ended& ended) const override;

 private:
  ApptainerRuntime(std::string name, std::string program, std::vector<std::string> env,
                   ContainerOptions options);

  const std::string name_;
  const std::string program_;
  const std::vector<std::string> env_;
  const ContainerOptions options_;
  SifImages images_;
  ImageKeeper keeper_;
};

}  // namespace landseer::worker
