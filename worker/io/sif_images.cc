#include "worker/io/sif_images.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "common/base/text.h"
#include "worker/io/file_tools.h"
#include "worker/io/program.h"

namespace landseer::worker {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::string_view kDigestMark = "@sha256:";

bool has_scheme(const std::string& image) { return image.find("://") != std::string::npos; }

bool is_local(const std::string& image) {
  return image.starts_with('/') || image.starts_with("./") || image.ends_with(".sif");
}

/// What apptainer is to pull: without a scheme docker's registry is meant.
std::string reference_of(const std::string& image) {
  return has_scheme(image) ? image : "docker://" + image;
}

std::string version_of(const struct stat& info) {
  return std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
         std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

}  // namespace

SifImages::SifImages(std::string program, std::vector<std::string> env,
                     const ContainerOptions& options)
    : program_(std::move(program)),
      env_(std::move(env)),
      folder_(options.images),
      pull_limit_(options.pull_limit) {
  std::error_code ignored;  // a pull says it better
  std::filesystem::create_directories(folder_, ignored);
}

Result<std::string> SifImages::path_of(const std::string& image) const {
  if (image.empty() || image.starts_with('-') || strip_control(image, false) != image ||
      image.find(' ') != std::string::npos) {
    return fail(ErrorCode::kInvalid, "not the name of an image", image,
                "a tool in a container needs one: container: {image: NAME:TAG}");
  }
  if (!has_scheme(image) && is_local(image)) {
    return image.starts_with('/') ? image : folder_ + "/" + image;
  }
  return folder_ + "/" + sha256(reference_of(image)).hex().substr(0, 32) + ".sif";
}

Result<std::optional<Digest>> SifImages::find(const std::string& image, const Cancel& cancel) {
  const auto path = path_of(image);
  if (!path) return tl::make_unexpected(path.error());
  struct stat info {};
  if (stat(path->c_str(), &info) != 0) return std::optional<Digest>();
  if (S_ISDIR(info.st_mode)) {
    // Any other folder of the host would be a root file system, and readable so.
    std::error_code error;
    const auto real = std::filesystem::canonical(*path, error).string();
    const auto own = std::filesystem::canonical(folder_, error).string();
    if (error || !real.starts_with(own + "/")) {
      return fail(ErrorCode::kInvalid, "a folder outside of --sif-folder is no image", image);
    }
  }
  if (const auto mark = image.find(kDigestMark); mark != std::string::npos) {
    const auto named = Digest::from_hex(std::string_view(image).substr(mark + kDigestMark.size()));
    if (named) return std::optional<Digest>(*named);
  }
  // A folder can be edited, and a file made here is equal to no other.
  const bool is_made_here = !is_local(image) && reference_of(image).starts_with("docker");
  if (!S_ISREG(info.st_mode) || is_made_here) return std::optional<Digest>(Digest{});
  auto content = file_content(*path, cancel);
  if (!content) return tl::make_unexpected(content.error());
  return std::optional<Digest>(*content);
}

Result<bool> SifImages::has(const Digest&, const Cancel&) { return false; }

/// Read once for each version of the file.
Result<Digest> SifImages::file_content(const std::string& path, const Cancel& cancel) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!file || fstat(file.get(), &info) != 0) return fail_errno("read", path);
  const std::string version = version_of(info);
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(path);
    if (known != known_.end() && known->second.version == version) return known->second.content;
  }
  Hasher hasher;
  std::string buffer(kReadBytes, '\0');
  for (ssize_t got = 1; got > 0;) {
    if (cancel.requested()) return fail(ErrorCode::kConflict, "called off", path);
    got = read(file.get(), buffer.data(), buffer.size());
    if (got < 0) return fail_errno("read", path);
    hasher.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
  }
  const Digest content = hasher.finish();
  const std::lock_guard lock(mutex_);
  known_[path] = {version, content};
  return content;
}

Result<void> SifImages::pull(const std::string& image, const Cancel& cancel,
                             const std::function<void(std::string_view)>& on_line) {
  const auto path = path_of(image);
  if (!path) return tl::make_unexpected(path.error());
  if (!has_scheme(image) && is_local(image)) {
    return fail(ErrorCode::kNotFound, "the image file is not on this host", *path,
                "copy it there, on every host that is to run it");
  }
  const std::string unfinished = *path + ".part";
  ProgramRequest request{{program_, "pull", "--force", unfinished, reference_of(image)},
                         env_,
                         pull_limit_,
                         &cancel,
                         on_line};
  const auto result = run_program(request);
  if (!result || result->exit_code != 0) unlink(unfinished.c_str());
  if (!result) return tl::make_unexpected(result.error());
  if (result->exit_code != 0) {
    return fail(ErrorCode::kUnavailable, "cannot pull the image: " + last_line(result->errors),
                image, "see that this host reaches the registry and is logged in to it");
  }
  if (rename(unfinished.c_str(), path->c_str()) != 0) return fail_errno("rename", unfinished);
  return {};
}

}  // namespace landseer::worker
