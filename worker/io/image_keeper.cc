#include "worker/io/image_keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "common/base/text.h"
#include "common/base/units.h"
#include "common/net/clock.h"
#include "worker/io/file_tools.h"

namespace landseer::worker {
namespace {

constexpr int kLockPauseMs = 100;
constexpr std::size_t kRememberedMax = 1000;
constexpr Duration kProgressPause = std::chrono::seconds(5);

/// Held while the image is pulled, by whichever process of this host pulls it.
Result<UniqueFd> lock_image(const std::string& folder, const std::string& image,
                            const Cancel& cancel) {
  std::error_code ignored;  // opening says it better
  std::filesystem::create_directories(folder, ignored);
  const std::string path = folder + "/" + sha256(image).hex().substr(0, 32) + ".lock";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno("open", path);
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock", path);
    pollfd item{cancel.fd(), POLLIN, 0};
    if (poll(&item, 1, kLockPauseMs) > 0 && cancel.requested()) {
      return fail(ErrorCode::kConflict, "the pull of the image was called off", image);
    }
  }
  return fd;
}

/// What the engine says, now and then.
class Progress {
 public:
  explicit Progress(const std::string& image) : image_(image) {}
  void operator()(std::string_view line) {
    const Instant now = net::now().instant;
    if (now < next_) return;
    next_ = now + kProgressPause;
    spdlog::info("pulling {}: {}", image_, strip_control(line, false));
  }

 private:
  const std::string& image_;
  Instant next_{};
};

}  // namespace

ImageKeeper::ImageKeeper(ImageSource& source, Settings settings)
    : source_(source), settings_(std::move(settings)) {}

bool ImageKeeper::is_remembered(const Digest& content) {
  const std::lock_guard lock(mutex_);
  const auto seen = seen_.find(content);
  return seen != seen_.end() && net::now().instant - seen->second < settings_.memory;
}

Result<Digest> ImageKeeper::judge(const std::string& image, const Digest& bound,
                                  const Digest& found) {
  if (!bound.empty() && bound != found) {
    const std::string here = found.empty() ? "not known" : found.hex().substr(0, 12);
    return fail(
        ErrorCode::kConflict,
        "the image is " + here + " here, and the pipeline began with " + bound.hex().substr(0, 12),
        image, "load the same image on all hosts, or submit the pipeline anew");
  }
  if (!found.empty()) {
    const std::lock_guard lock(mutex_);
    if (seen_.size() >= kRememberedMax) seen_.clear();
    seen_[found] = net::now().instant;
  }
  return found;
}

Result<Digest> ImageKeeper::obtain(const std::string& image, const Digest& bound,
                                   const Cancel& cancel) {
  const Instant asked = net::now().instant;
  if (!bound.empty()) {
    if (is_remembered(bound)) return bound;
    auto has = source_.has(bound, cancel);
    if (!has) return tl::make_unexpected(has.error());
    if (*has) return judge(image, bound, bound);
  }
  auto found = source_.find(image, cancel);
  if (!found) return tl::make_unexpected(found.error());
  if (*found) return judge(image, bound, **found);
  if (!settings_.pulls) {
    return fail(ErrorCode::kNotFound, "the image is not on this host", image,
                "load it, or start the worker without --pull never");
  }
  if (auto pulled = pull(image, asked, cancel); !pulled) return tl::make_unexpected(pulled.error());
  found = source_.find(image, cancel);
  if (!found) return tl::make_unexpected(found.error());
  if (*found) return judge(image, bound, **found);
  return fail(ErrorCode::kNotFound, "the image was pulled and is gone again", image);
}

Result<void> ImageKeeper::pull(const std::string& image, Instant asked, const Cancel& cancel) {
  auto lock = lock_image(settings_.lock_folder, image, cancel);
  if (!lock) return tl::make_unexpected(lock.error());
  {
    const std::lock_guard guard(mutex_);
    const auto failed = failures_.find(image);
    if (failed != failures_.end() && failed->second.at >= asked) {
      return tl::make_unexpected(failed->second.error);
    }
  }
  auto found = source_.find(image, cancel);
  if (!found) return tl::make_unexpected(found.error());
  if (*found) return {};  // who had the lock pulled it
  spdlog::info("pulling {}", image);
  const Instant begun = net::now().instant;
  auto pulled = source_.pull(image, cancel, Progress(image));
  if (pulled) {
    spdlog::info("pulled {} in {}", image, format_duration(net::now().instant - begun));
  } else if (!cancel.requested()) {
    spdlog::warn("cannot pull {}: {}", image, pulled.error().message);
    const std::lock_guard guard(mutex_);
    if (failures_.size() >= kRememberedMax) failures_.clear();
    failures_[image] = {net::now().instant, pulled.error()};
  }
  return pulled;
}

}  // namespace landseer::worker
