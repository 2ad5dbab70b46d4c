#include "worker/io/container_options.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "common/base/units.h"
#include "common/config/rendezvous.h"

namespace landseer::worker {
namespace {

constexpr Duration kPullLimitMax = std::chrono::hours(24 * 7);

tl::unexpected<Error> usage(const std::string& flag, const std::string& text,
                            const std::string& wanted, std::string hint) {
  return fail(ErrorCode::kInvalid, "'" + text + "' is not " + wanted, flag, std::move(hint));
}

bool is_word(const std::string& text, bool (*fits)(char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

/// Engines want both limits: NAME=N means N for either.
Result<std::string> read_ulimit(const std::string& text) {
  const auto equals = text.find('=');
  const auto wrong = [&] {
    return usage("--container-ulimit", text, "NAME=SOFT:HARD", "write nofile=1024:1024");
  };
  if (equals == std::string::npos) return wrong();
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string name = text.substr(0, equals);
  const std::string values = text.substr(equals + 1);
  const auto colon = values.find(':');
  const std::string soft = values.substr(0, colon);
  const std::string hard = colon == std::string::npos ? soft : values.substr(colon + 1);
  if (!is_word(name, is_letter) || !is_word(soft, is_digit) || !is_word(hard, is_digit)) {
    return wrong();
  }
  return name + "=" + soft + ":" + hard;
}

Result<std::string> read_capability(const std::string& text) {
  const auto fits = [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; };
  if (is_word(text, fits) && text != "ALL") return text;
  return usage("--container-capability", text, "the name of one capability", "write SYS_PTRACE");
}

}  // namespace

void ContainerFlags::add_to(CLI::App& app) {
  app.add_option("--oci-runtime", oci_runtime_, "of podman or docker: runc, crun or a path");
  app.add_option("--shm-size", shm_size_, "size of /dev/shm in containers")->capture_default_str();
  app.add_option("--container-ulimit", ulimits_, "NAME=SOFT:HARD in containers, repeatable");
  app.add_option("--container-capability", capabilities_,
                 "a capability that tools keep, repeatable; default: none");
  app.add_option("--container-user", user_,
                 "worker: tools run as this worker's user; image: as the image says")
      ->capture_default_str();
  app.add_option("--pull", pull_, "missing: pull images that are not here; or never")
      ->capture_default_str();
  app.add_option("--pull-limit", pull_limit_, "time that a pull may take")->capture_default_str();
  app.add_option("--sif-folder", images_,
                 "where apptainer's images are kept; default: $LANDSEER_HOME/images");
}

Result<ContainerOptions> ContainerFlags::read() const {
  ContainerOptions options;
  options.oci_runtime = oci_runtime_;
  const auto shm = parse_bytes(shm_size_);
  if (!shm || *shm == 0) return usage("--shm-size", shm_size_, "a size", "write 1GiB");
  options.shm_bytes = *shm;
  for (const std::string& text : ulimits_) {
    auto limit = read_ulimit(text);
    if (!limit) return tl::make_unexpected(limit.error());
    options.ulimits.push_back(std::move(*limit));
  }
  for (const std::string& text : capabilities_) {
    auto capability = read_capability(text);
    if (!capability) return tl::make_unexpected(capability.error());
    options.capabilities.push_back(std::move(*capability));
  }
  if (user_ != "worker" && user_ != "image") {
    return usage("--container-user", user_, "worker or image", "leave the option out");
  }
  if (pull_ != "missing" && pull_ != "never") {
    return usage("--pull", pull_, "missing or never", "leave the option out");
  }
  const auto limit = parse_duration(pull_limit_);
  if (!limit || *limit <= Duration::zero() || *limit > kPullLimitMax) {
    return usage("--pull-limit", pull_limit_, "a time up to a week", "write 1h");
  }
  options.user = user_;
  options.pull = pull_;
  options.pull_limit = *limit;
  std::error_code bad;
  options.images = images_.empty() ? config::home_folder() + "/images"
                                   : std::filesystem::absolute(images_, bad).string();
  return options;
}

}  // namespace landseer::worker
