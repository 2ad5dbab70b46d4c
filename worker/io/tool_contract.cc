#include "worker/io/tool_contract.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/text.h"
#include "common/domain/secret_reference.h"

namespace landseer::worker {
namespace {

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

}  // namespace

Variables read_host_variables() {
  Variables host;
  for (const char* name : kHostVariables) {
    if (const char* value = std::getenv(name)) host[name] = value;
  }
  return host;
}

std::vector<std::string> read_host_environment() {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) entries.emplace_back(*entry);
  return entries;
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

Result<Variables> make_variables(const AttemptJob& job, Variables given, const ToolFolders& folders,
                                 const std::string& devices) {
  auto config = variables_from_json(job.config);
  if (!config) return fail(ErrorCode::kInvalid, config.error().message, "config");
  for (auto& [name, value] : *config) {
    if (!is_closed_to_config(name)) given[name] = std::move(value);
  }
  auto own = variables_from_json(job.spec.env);
  const auto secrets = domain::secrets_of(job.spec.env);
  if (!own) return fail(ErrorCode::kInvalid, own.error().message, "env of " + job.spec.tool);
  if (!secrets) return tl::make_unexpected(secrets.error());
  for (auto& [name, value] : *own) {
    if (secrets->contains(name)) {
      given.erase(name);  // what the configuration says is not it
    } else if (!name.starts_with("LANDSEER_")) {
      given[name] = std::move(value);
    }
  }
  given["INPUT_DIR"] = folders.input;
  given["OUTPUT_DIR"] = folders.output;
  given["CHECKPOINT_DIR"] = folders.checkpoint;
  given["PYTHONPATH"] = folders.input + ":/app";
  given["LANDSEER_TASK_ID"] = landseer::to_string(job.key.task);
  given["LANDSEER_ATTEMPT"] = std::to_string(job.key.attempt);
  given["LANDSEER_PIPELINE_ID"] = landseer::to_string(job.pipeline);
  given["CUDA_VISIBLE_DEVICES"] = devices;
  return given;
}

Result<std::vector<std::string>> command_words(const protocol::WorkSpec& spec) {
  std::vector<std::string> words;
  if (!split_words(spec.command, words)) {
    return fail(ErrorCode::kInvalid, "a quote in the command is not closed", spec.tool);
  }
  if (spec.command.find('\0') != std::string::npos) {
    return fail(ErrorCode::kInvalid, "the command has a zero character", spec.tool);
  }
  return words;
}

bool is_for_entrypoint(const std::vector<std::string>& words) {
  return words.empty() || words[0].starts_with('-');
}

}  // namespace landseer::worker
