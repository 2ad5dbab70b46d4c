/// The images of apptainer and singularity: files, pulled into one folder or named by their path.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "worker/io/container_options.h"
#include "worker/io/image_keeper.h"

namespace landseer::worker {

/// Image files that were pulled lie in one folder. What a registry's image for docker contains is
/// not known: it becomes a file on each host, and no two such files are equal. Known are files that
/// are named by their path, those of `oras://` and `library://`, and images that are named by their
/// digest (`@sha256:...`).
class SifImages final : public ImageSource {
 public:
  SifImages(std::string program, std::vector<std::string> env, const ContainerOptions& options);

  Result<std::optional<Digest>> find(const std::string& image, const Cancel& cancel) override;
  /// Contents are not looked up; a name is.
  Result<bool> has(const Digest& content, const Cancel& cancel) override;
  Result<void> pull(const std::string& image, const Cancel& cancel,
                    const std::function<void(std::string_view)>& on_line) override;

  /// The file or folder of an image, whether it is there or not. kInvalid: not a name.
  Result<std::string> path_of(const std::string& image) const;

 private:
  Result<Digest> file_content(const std::string& path, const Cancel& cancel);

  struct Known {
    std::string version;  ///< of the file: what stat() says
    Digest content;
  };
  const std::string program_;
  const std::vector<std::string> env_;
  const std::string folder_;
  const Duration pull_limit_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;  ///< by path
};

}  // namespace landseer::worker
