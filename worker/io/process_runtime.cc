#include "worker/io/process_runtime.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "common/base/text.h"
#include "worker/io/gpu_choice.h"

namespace landseer::worker {
namespace {

using Variables = std::map<std::string, std::string>;

constexpr std::array<const char*, 4> kHostVariables{"PATH", "HOME", "LANG", "TZ"};

bool is_variable_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && !is_digit(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || is_digit(c); });
}

bool is_closed_to_config(std::string_view name) {
  return std::find(kHostVariables.begin(), kHostVariables.end(), name) != kHostVariables.end() ||
         name.starts_with("LD_") || name.starts_with("LANDSEER_");
}

// --- The top level of a JSON object that is known to be well-formed ---

void skip_space(std::string_view& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  text.remove_prefix(first == std::string_view::npos ? text.size() : first);
}

/// Length of the string literal that `text` begins with, quotes included.
std::size_t string_length(std::string_view text) {
  std::size_t i = 1;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2U : 1U;
  return std::min(i + 1, text.size());
}

/// Length of the value that `text` begins with: up to the comma or bracket of the level around.
std::size_t value_length(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      i += string_length(text.substr(i)) - 1;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == '}')) {
      return i;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return text.size();
}

std::string_view take(std::string_view& text, std::size_t length) {
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(taken.size());
  return taken;
}

std::string unquote(std::string_view literal) {
  const auto value = nlohmann::json::parse(literal, nullptr, false);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string value_text(std::string_view value) {
  const auto end = value.find_last_not_of(" \t\r\n");
  value = value.substr(0, end == std::string_view::npos ? 0 : end + 1);
  if (value.starts_with('"')) return unquote(value);
  return value == "null" ? std::string() : std::string(value);
}

// --- Command and image ---

bool is_folder(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// The image's folder, empty if the worker has none for it.
Result<std::string> find_image_folder(const std::string& image, const std::string& images) {
  if (image.empty() || images.empty()) return std::string();
  auto name = image_folder_name(image);
  if (!name) return name;
  std::string folder = images + "/" + *name;
  return is_folder(folder) ? folder : std::string();
}

Result<void> check_entrypoint(const std::string& image, const std::string& folder,
                              const std::string& images) {
  if (folder.empty()) {
    return fail(ErrorCode::kNotFound, "no folder for image `" + image + "` to run its entrypoint",
                images, "give the tool a command, or the worker the image");
  }
  const std::string path = folder + "/entrypoint";
  if (access(path.c_str(), F_OK) != 0) {
    return fail(ErrorCode::kNotFound, "the image has no entrypoint", path,
                "give the tool a command, or the image an executable file of this name");
  }
  if (access(path.c_str(), X_OK) != 0) {
    return fail(ErrorCode::kInvalid, "the image's entrypoint is not executable", path);
  }
  return {};
}

Result<std::vector<std::string>> make_argv(const protocol::WorkSpec& spec,
                                           const std::string& image_folder,
                                           const std::string& images) {
  std::vector<std::string> words;
  if (!split_words(spec.command, words)) {
    return fail(ErrorCode::kInvalid, "a quote in the command is not closed", spec.tool);
  }
  if (words.empty() || words[0].starts_with('-')) {
    if (auto good = check_entrypoint(spec.image, image_folder, images); !good) {
      return tl::make_unexpected(good.error());
    }
    words.insert(words.begin(), "./entrypoint");
  }
  return words;
}

// --- Environment ---

void set_contract(const AttemptJob& job, std::span<const protocol::GpuOffer> gpus,
                  const ProcessFolders& folders, Variables& variables) {
  variables["INPUT_DIR"] = folders.input;
  variables["OUTPUT_DIR"] = folders.output;
  variables["CHECKPOINT_DIR"] = folders.checkpoint;
  variables["PYTHONPATH"] = folders.input + ":/app";
  variables["LANDSEER_TASK_ID"] = landseer::to_string(job.key.task);
  variables["LANDSEER_ATTEMPT"] = std::to_string(job.key.attempt);
  variables["LANDSEER_PIPELINE_ID"] = landseer::to_string(job.pipeline);
  variables["CUDA_VISIBLE_DEVICES"] = visible_devices({gpus.begin(), gpus.end()});
}

Result<Variables> make_variables(const AttemptJob& job, const HostEnvironment& host) {
  Variables variables = host;
  auto config = variables_from_json(job.config);
  if (!config) return fail(ErrorCode::kInvalid, config.error().message, "config");
  for (auto& [name, value] : *config) {
    if (!is_closed_to_config(name)) variables[name] = std::move(value);
  }
  auto own = variables_from_json(job.spec.env);
  if (!own) return fail(ErrorCode::kInvalid, own.error().message, "env of " + job.spec.tool);
  for (auto& [name, value] : *own) {
    if (!name.starts_with("LANDSEER_")) variables[name] = std::move(value);
  }
  return variables;
}

}  // namespace

HostEnvironment read_host_environment() {
  HostEnvironment host;
  for (const char* name : kHostVariables) {
    if (const char* value = std::getenv(name)) host[name] = value;
  }
  return host;
}

Digest process_image_content(const std::string& image, const std::string& images) {
  const auto folder = find_image_folder(image, images);
  return folder && folder->empty() ? sha256("no image folder") : Digest{};
}

Result<std::string> image_folder_name(std::string_view image) {
  std::string_view name = image;
  if (const auto scheme = name.find("://"); scheme != std::string_view::npos) {
    name.remove_prefix(scheme + 3);
  }
  name = name.substr(0, name.find('@'));
  if (const auto slash = name.rfind('/'); slash != std::string_view::npos) {
    name.remove_prefix(slash + 1);
  }
  name = name.substr(0, name.find(':'));
  const bool escapes = image.find("..") != std::string_view::npos || name == ".";
  if (name.empty() || escapes || name.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kInvalid, "not an image name", std::string(image));
  }
  return std::string(name);
}

/// Cuts the text up instead of printing parsed values, so that `0.10` and `1e-3` stay as written.
Result<Variables> variables_from_json(std::string_view json) {
  skip_space(json);
  if (!json.starts_with('{') || !nlohmann::json::accept(json)) {
    return fail(ErrorCode::kInvalid, "not a JSON object");
  }
  Variables variables;
  json.remove_prefix(1);
  for (skip_space(json); !json.empty() && json[0] != '}'; skip_space(json)) {
    const std::string name = unquote(take(json, string_length(json)));
    skip_space(json);
    json.remove_prefix(1);  // the colon
    skip_space(json);
    std::string text = value_text(take(json, value_length(json)));
    if (json.starts_with(',')) json.remove_prefix(1);
    if (!is_variable_name(name)) continue;
    if (text.find('\0') != std::string::npos) {
      return fail(ErrorCode::kInvalid, "the value of " + name + " has a zero character");
    }
    variables[name] = std::move(text);
  }
  return variables;
}

Result<Launch> make_process_launch(const AttemptJob& job, std::span<const protocol::GpuOffer> gpus,
                                   const ProcessFolders& folders, const HostEnvironment& host,
                                   std::uint64_t grace_ms) {
  const auto image_folder = find_image_folder(job.spec.image, folders.images);
  if (!image_folder) return tl::make_unexpected(image_folder.error());
  auto argv = make_argv(job.spec, *image_folder, folders.images);
  if (!argv) return tl::make_unexpected(argv.error());
  auto variables = make_variables(job, host);
  if (!variables) return tl::make_unexpected(variables.error());
  set_contract(job, gpus, folders, *variables);

  Launch launch;
  launch.key = job.key;
  launch.argv = std::move(*argv);
  for (const auto& [name, value] : *variables) launch.env.push_back(name + "=" + value);
  launch.cwd = image_folder->empty() ? folders.scratch : *image_folder;
  launch.log_path = folders.log_path;
  launch.timeout_ms = job.spec.timeout_ms;
  launch.grace_ms = grace_ms;
  launch.memory_bytes = job.spec.memory_bytes;
  return launch;
}

}  // namespace landseer::worker
