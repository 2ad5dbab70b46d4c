#include "common/domain/secret_reference.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace landseer::domain {
namespace {

constexpr std::array<std::string_view, 17> kClosed{"HTTP_PROXY",
                                                   "HTTPS_PROXY",
                                                   "ALL_PROXY",
                                                   "NO_PROXY",
                                                   "http_proxy",
                                                   "https_proxy",
                                                   "TMPDIR",
                                                   "NOTIFY_SOCKET",
                                                   "PATH",
                                                   "HOME",
                                                   "LANG",
                                                   "TZ",
                                                   "INPUT_DIR",
                                                   "OUTPUT_DIR",
                                                   "CHECKPOINT_DIR",
                                                   "PYTHONPATH",
                                                   "CUDA_VISIBLE_DEVICES"};
constexpr std::array<std::string_view, 18> kClosedPrefixes{
    "SSL_CERT_", "DBUS_", "BUILDAH_", "_CONTAINERS_", "GOTRACE",

    "LANDSEER_", "LD_",   "LC_",      "DOCKER_",      "CONTAINER",   "CONTAINERS_", "PODMAN_",
    "STORAGE_",  "XDG_",  "GODEBUG",  "APPTAINER",    "SINGULARITY", "REGISTRY_"};

tl::unexpected<Error> wrong(const std::string& variable, std::string hint) {
  return fail(ErrorCode::kInvalid, "the variable " + variable + " names no secret", "env",
              std::move(hint));
}

}  // namespace

bool is_secret_name(std::string_view name) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= kSecretNameBytesMax && name[0] != '.' && name[0] != '-' &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

bool is_secret_variable(std::string_view name) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
  if (name.empty() || name.find_first_not_of(kAllowed) != std::string_view::npos ||
      (name[0] >= '0' && name[0] <= '9')) {
    return false;
  }
  const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
  return std::find(kClosed.begin(), kClosed.end(), name) == kClosed.end() &&
         std::none_of(kClosedPrefixes.begin(), kClosedPrefixes.end(), begins);
}

std::string secret_label(std::string_view name) {
  return std::string(kSecretLabelPrefix).append(name);
}

Result<std::map<std::string, std::string>> secrets_of(std::string_view env) {
  std::map<std::string, std::string> secrets;
  // Nearly no environment has any.
  if (env.find("\"secret\"") == std::string_view::npos) return secrets;
  const auto json = nlohmann::json::parse(env, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return fail(ErrorCode::kInvalid, "not a JSON object", "env");
  for (const auto& [variable, value] : json.items()) {
    if (!value.is_object() || !value.contains("secret")) continue;
    const auto& name = value["secret"];
    if (value.size() != 1 || !name.is_string() ||
        !is_secret_name(name.get_ref<const std::string&>())) {
      return wrong(variable, "write {secret: NAME}; names have letters, digits, `.`, `_` and `-`");
    }
    if (!is_secret_variable(variable)) {
      return wrong(variable, "this variable is not a tool's own to fill; take another");
    }
    secrets[variable] = name.get<std::string>();
  }
  return secrets;
}

}  // namespace landseer::domain
