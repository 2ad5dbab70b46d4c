#include "worker/io/engine_images.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "common/base/text.h"
#include "worker/io/program.h"

namespace landseer::worker {
namespace {

constexpr Duration kInspectLimit = std::chrono::seconds(60);
constexpr std::string_view kDockerScheme = "docker://";

bool says_one_of(const std::string& errors, std::span<const std::string_view> answers) {
  std::string text = errors;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::any_of(answers.begin(), answers.end(), [&](std::string_view answer) {
    return text.find(answer) != std::string::npos;
  });
}

/// What the engines answer if there is no such image; everything else is trouble.
bool says_not_found(const std::string& errors) {
  constexpr std::array<std::string_view, 4> kAnswers{"no such image", "image not known",
                                                     "no such object", "failed to find image"};
  return says_one_of(errors, kAnswers);
}

/// What registries answer if they have no such image, or tell nobody that they have. Source: the
/// error codes of the OCI distribution specification, as podman and docker print them.
bool registry_has_none(const std::string& errors) {
  constexpr std::array<std::string_view, 8> kAnswers{
      "manifest unknown", "name unknown", "repository does not exist", "name invalid",
      "not found:", "invalid reference", "access to the resource is denied",
      // docker 28: failed to resolve reference "docker.io/x:1": docker.io/x:1: not found
      ": not found"};
  return says_one_of(errors, kAnswers);
}

/// Whether the first part of a name is the address of a registry.
bool names_registry(std::string_view reference) {
  const auto slash = reference.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view first = reference.substr(0, slash);
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos;
}

std::string with_registry(const std::string& reference) {
  if (names_registry(reference)) return reference;
  const bool is_official = reference.find('/') == std::string::npos;
  return std::string("docker.io/") + (is_official ? "library/" : "") + reference;
}

}  // namespace

Result<std::string> engine_reference(const std::string& image) {
  std::string reference = image;
  if (reference.starts_with(kDockerScheme)) reference.erase(0, kDockerScheme.size());
  if (reference.find("://") != std::string::npos) {
    return fail(ErrorCode::kInvalid, "podman and docker cannot use an image of this kind", image,
                "give the tool an image of a registry, or run it with apptainer");
  }
  // podman would take what stands before a colon for a way to read files of this host.
  const std::string first = reference.substr(0, reference.find('/'));
  const auto colon = first.size() < reference.size() ? first.find(':') : std::string::npos;
  const bool is_path = reference.starts_with('/') || reference.starts_with('.') ||
                       (colon != std::string::npos &&
                        (colon + 1 == first.size() ||
                         first.find_first_not_of("0123456789", colon + 1) != std::string::npos));
  if (reference.empty() || is_path || reference.starts_with('-') ||
      strip_control(reference, false) != reference || reference.find(' ') != std::string::npos) {
    return fail(ErrorCode::kInvalid, "not the name of an image", image,
                "a tool in a container needs one: container: {image: NAME:TAG}");
  }
  return reference;
}

EngineImages::EngineImages(ContainerEngine engine, Duration pull_limit)
    : engine_(std::move(engine)), pull_limit_(pull_limit) {}

Result<std::optional<Digest>> EngineImages::inspect(const std::string& reference,
                                                    const Cancel& cancel) {
  ProgramRequest request{engine_command(engine_), engine_.env, kInspectLimit, &cancel};
  request.argv.insert(request.argv.end(), {"image", "inspect", "--format={{.Id}}", reference});
  const auto result = run_program(request);
  if (!result) return tl::make_unexpected(result.error());
  if (result->exit_code != 0) {
    if (says_not_found(result->errors)) return std::optional<Digest>();
    return fail(ErrorCode::kUnavailable,
                std::string(engine_.name()) + " cannot tell: " + last_line(result->errors),
                reference);
  }
  std::string id = last_line(result->output);
  if (id.starts_with("sha256:")) id.erase(0, 7);
  const auto content = Digest::from_hex(id);
  if (content) return std::optional<Digest>(*content);
  return fail(ErrorCode::kUnavailable,
              std::string(engine_.name()) + " gave an image an id that is no digest: " + id,
              reference);
}

Result<std::optional<Digest>> EngineImages::find(const std::string& image, const Cancel& cancel) {
  auto reference = engine_reference(image);
  if (!reference) return tl::make_unexpected(reference.error());
  return inspect(*reference, cancel);
}

Result<bool> EngineImages::has(const Digest& content, const Cancel& cancel) {
  const auto found = inspect("sha256:" + content.hex(), cancel);
  if (!found) return tl::make_unexpected(found.error());
  return found->has_value();
}

Result<void> EngineImages::pull(const std::string& image, const Cancel& cancel,
                                const std::function<void(std::string_view)>& on_line) {
  auto reference = engine_reference(image);
  if (!reference) return tl::make_unexpected(reference.error());
  if (reference->starts_with("localhost/")) {
    return fail(ErrorCode::kNotFound, "the image is not on this host, and no registry has it",
                image, "build or load it on every host that is to run it");
  }
  ProgramRequest request{engine_command(engine_), engine_.env, pull_limit_, &cancel, on_line};
  request.argv.insert(request.argv.end(), {"pull", with_registry(*reference)});
  const auto result = run_program(request);
  if (!result) return tl::make_unexpected(result.error());
  if (result->exit_code == 0) return {};
  if (registry_has_none(result->errors)) {
    return fail(ErrorCode::kNotFound,
                "the registry has no such image: " + last_line(result->errors), image,
                "check its name and tag; a private one needs a login on the worker's host");
  }
  return fail(ErrorCode::kUnavailable, "cannot pull the image: " + last_line(result->errors), image,
              "see that this host reaches the registry and is logged in to it");
}

}  // namespace landseer::worker
