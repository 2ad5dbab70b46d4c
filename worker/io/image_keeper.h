/// Gets images for attempts: each is pulled once on this host, however many attempts of however
/// many workers want it at a time, and what a pipeline began with is what it goes on with.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/cancel.h"

namespace landseer::worker {

/// The images of one engine. Any thread, several at a time.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  /// What the image of this name contains, none if that is not known; empty: there is none.
  virtual Result<std::optional<Digest>> find(const std::string& image, const Cancel& cancel) = 0;
  /// Whether there is an image of this content, whatever its name.
  virtual Result<bool> has(const Digest& content, const Cancel& cancel) = 0;
  /// `on_line`: what the engine says meanwhile.
  virtual Result<void> pull(const std::string& image, const Cancel& cancel,
                            const std::function<void(std::string_view)>& on_line) = 0;
};

/// Any thread, several at a time.
class ImageKeeper {
 public:
  struct Settings {
    std::string lock_folder;  ///< the same for all workers of the host that share the images
    bool pulls = true;
    /// A content that was here is not looked for again for so long: it costs a start of a program.
    Duration memory = std::chrono::seconds(30);
  };

  ImageKeeper(ImageSource& source, Settings settings);

  /// See Runtime::obtain_image. A pull that failed while we waited for it failed for us as well.
  Result<Digest> obtain(const std::string& image, const Digest& bound, const Cancel& cancel);

 private:
  struct Failure {
    Instant at;
    Error error;
  };

  bool is_remembered(const Digest& content);
  Result<Digest> judge(const std::string& image, const Digest& bound, const Digest& found);
  Result<void> pull(const std::string& image, Instant asked, const Cancel& cancel);

  ImageSource& source_;
  const Settings settings_;
  std::mutex mutex_;
  std::map<Digest, Instant> seen_;
  std::map<std::string, Failure> failures_;
};

}  // namespace landseer::worker
