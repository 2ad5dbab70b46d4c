#include "worker/io/engine_verdict.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "worker/io/program.h"

namespace landseer::worker {
namespace {

/// As podman 4.3, docker 20 to 28 and apptainer 1.1 say it, in lower case.
constexpr std::array<std::string_view, 20> kImageWords{
    "image not known",                        // podman run --pull=never
    "no such image",                          //
    "manifest unknown",                       //
    "manifest for ",                          // docker: ... not found
    "pull access denied",                     //
    "repository does not exist",              //
    "invalid reference format",               //
    "repository name must be lowercase",      //
    "no command or entrypoint provided",      // podman
    "no command specified",                   // docker
    "unable to find user",                    // the image's USER
    "unable to find group",                   //
    "no matching entries in passwd",          //
    "no matching entries in group",           //
    "exec format error",                      //
    "does not match the specified platform",  //
    "image format not recognized",            // apptainer
    "could not open image",                   //
    "image's architecture",                   //
    "attempted to invoke a command that was not found",
};

/// With the name of a program these are about the engine's own, unless it says what it tried to
/// run.
constexpr std::array<std::string_view, 3> kCommandWords{
    "executable file not found in $path", "no such file or directory", "permission denied"};

constexpr std::array<std::string_view, 11> kHostWords{
    "rlimit",        "cgroup",        "namespace",       "mount",
    "no space left", "too many open", "cannot allocate", "resource temporarily",
    "seccomp",       "apparmor",      "keyring"};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

template <class Words>
bool has_one_of(const std::string& text, const Words& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

/// What is started in the container, and not a program of the engine.
bool names_command(const std::string& line) {
  const bool is_runtime =
      line.find("oci ") != std::string::npos || line.find("container process") != std::string::npos;
  if (is_runtime) return line.find("exec: \"") != std::string::npos;
  // FATAL:   "nope": executable file not found in $PATH; FATAL:   stat /no/such: ...
  constexpr std::string_view kFatal = "fatal:";
  const auto fatal = line.find(kFatal);
  if (fatal == std::string::npos) return false;
  const auto what = line.find_first_not_of(' ', fatal + kFatal.size());
  return what != std::string::npos && (line[what] == '"' || line.compare(what, 6, "stat /") == 0);
}

}  // namespace

std::string engine_line(std::string_view log_tail) {
  const auto is_engines = [](const std::string& line) {
    return line.starts_with("Error:") || line.starts_with("docker:") ||
           line.starts_with("error waiting for container:");
  };
  const std::string line = last_line(log_tail);
  // docker to 27, and from 28 on.
  if (line.starts_with("See '") || line.starts_with("Run '")) {
    const std::string above = last_line(log_tail.substr(0, log_tail.rfind(line)));
    return is_engines(above) ? above : line;
  }
  return is_engines(line) ? line : std::string();
}

bool blames_image(std::string_view said) {
  const std::string line = lower(said);
  const bool has_no_folder = line.find("workdir \"") != std::string::npos &&
                             line.find("does not exist on container") != std::string::npos;
  return has_no_folder || has_one_of(line, kImageWords) ||
         (names_command(line) && has_one_of(line, kCommandWords));
}

bool blames_host(std::string_view said) {
  return !blames_image(said) && has_one_of(lower(said), kHostWords);
}

}  // namespace landseer::worker
