/// The `process` runtime: a tool as a plain process of the worker's user, without a container.
///
/// Command: split into words as a shell would, without running one. Empty: `./entrypoint` in the
/// image folder. Arguments only (the first word begins with `-`): appended to that entrypoint.
///
/// Image: `x/NAME:tag` is the folder NAME below `images` and the working directory. Without such a
/// folder the command runs in the scratch folder, and there is no entrypoint.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "worker/io/folder_contents.h"
#include "worker/io/runtime.h"
#include "worker/io/tool_contract.h"

namespace landseer::worker {

/// The folder's name in an image reference, without scheme, registry, tag and digest:
/// `docker://reg:5000/x/NAME:tag` gives NAME. kInvalid if none is left or it has `..` in it.
Result<std::string> image_folder_name(std::string_view image);

class ProcessRuntime final : public Runtime {
 public:
  /// `images` is absolute, or empty: there are none. `host`: what tools get of our environment.
  /// `memory`: see FolderContents.
  ProcessRuntime(std::string images, Variables host, const std::string& memory);

  std::string_view name() const override { return "process"; }
  bool runs_as_us() const override { return true; }
  /// The files of the image's folder; one fixed content if there is none, so that only the command
  /// counts.
  Result<Digest> obtain_image(const std::string& image, const Digest& bound,
                              const Cancel& cancel) override;
  Result<std::optional<Digest>> look(const std::string& image, const Cancel& cancel) override;
  std::optional<std::vector<ImageTrace>> traces(const std::string& image) const override;
  Result<Launch> make_launch(const RunRequest& request) const override;

 private:
  Result<Digest> content_of(const std::string& folder, const Cancel& cancel);

  std::string images_;
  Variables host_;
  std::mutex mutex_;  ///< guards contents_
  FolderContents contents_;
};

}  // namespace landseer::worker
