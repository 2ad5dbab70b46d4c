#include "submitter/pipeline/tool_reader.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "common/base/text.h"
#include "submitter/pipeline/resource_reader.h"
#include "submitter/pipeline/scalar.h"

namespace landseer::pipeline {
namespace {

using domain::TaskType;

constexpr std::array<std::pair<std::string_view, TaskType>, 23> kStageWords{{
    {"pre_training", TaskType::kPreTraining},
    {"pre", TaskType::kPreTraining},
    {"pretrain", TaskType::kPreTraining},
    {"pre_defense", TaskType::kPreTraining},
    {"during_training", TaskType::kInTraining},
    {"during", TaskType::kInTraining},
    {"in", TaskType::kInTraining},
    {"train", TaskType::kInTraining},
    {"training", TaskType::kInTraining},
    {"in_training", TaskType::kInTraining},
    {"in_defense", TaskType::kInTraining},
    {"during_defense", TaskType::kInTraining},
    {"post_training", TaskType::kPostTraining},
    {"post", TaskType::kPostTraining},
    {"after", TaskType::kPostTraining},
    {"posttrain", TaskType::kPostTraining},
    {"post_defense", TaskType::kPostTraining},
    {"deployment", TaskType::kDeployment},
    {"deploy", TaskType::kDeployment},
    {"inference", TaskType::kDeployment},
    {"deploy_defense", TaskType::kDeployment},
    {"evaluation", TaskType::kEvaluation},
    {"eval", TaskType::kEvaluation},
}};

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::string read_image(Fields& container) {
  std::string image = trimmed(container.text("image").value_or(""));
  if (image.empty()) {
    container.missing("image", "add `image: registry/name:tag`");
  } else if (image.find_first_of(" \t\r\n") != std::string::npos ||
             strip_control(image, /*keep_lines=*/false) != image) {
    container.error("image", "the image '" + strip_control(image, false) + "' holds white space",
                    "write one image reference such as registry/name:tag");
  }
  return image;
}

/// `runtime` is said here or among the resources, which is the same.
void read_container_runtime(Fields& container, Settings& settings) {
  const auto runtime = read_runtime(container);
  if (runtime && settings.runtime && *runtime != *settings.runtime) {
    container.error(
        "runtime",
        "the runtime is " + *runtime + " here and " + *settings.runtime + " in 'resources'",
        "say it once");
  }
  if (runtime) settings.runtime = runtime;
}

domain::ContainerConfig read_container(Fields& tool, Settings& settings) {
  const bool both = tool.has("container") && tool.has("docker");
  if (both) {
    tool.error("docker", tool.what() + " has both 'container' and 'docker'",
               "keep 'container' and remove 'docker', its older name");
  }
  const std::string_view key = tool.find("docker") != nullptr && !both ? "docker" : "container";
  const Node* node = tool.map(key);
  if (node == nullptr) {
    tool.missing(key, "add `container: {image: registry/name:tag, command: \"...\"}`");
    return {};
  }
  Fields container(*node, "the container of " + tool.what(), tool.diagnostics());
  domain::ContainerConfig config;
  config.image = read_image(container);
  config.command = read_command(container, "command");
  read_container_runtime(container, settings);
  apply_runtime(settings, config);
  container.unused("config_script", "tools get the pipeline's model script as config_model.py");
  container.finish();
  return config;
}

void read_auxiliary_files(Fields& tool) {
  const Node* files = tool.list("auxiliary_files");
  if (files == nullptr) return;
  for (const Node* item : files->items) {
    Fields file(*item, "an auxiliary file of " + tool.what(), tool.diagnostics());
    for (const auto key : {"local_path", "container_path", "description"}) file.text(key);
    if (file.flag("required").value_or(false)) {
      file.error("required", "required auxiliary files are not carried by this version",
                 "put the file into the tool's image, or write `required: false`");
    }
    file.finish();
  }
  if (!files->items.empty()) {
    tool.unused("auxiliary_files", "this version does not carry them; put them into the image");
  }
}

std::optional<TaskType> read_stage_label(Fields& tool) {
  const auto label = tool.text("defense_stage");
  if (!label || label->empty()) return std::nullopt;
  const auto stage = parse_stage(*label);
  if (!stage) {
    tool.error("defense_stage", "unknown defense_stage '" + *label + "' of " + tool.what(),
               "use pre_training, during_training, post_training or deployment");
  }
  return stage;
}

}  // namespace

std::optional<TaskType> parse_stage(std::string_view label) {
  std::string word = trimmed(label);
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const auto& [text, type] : kStageWords) {
    if (text == word) return type;
  }
  return std::nullopt;
}

std::string read_command(Fields& fields, std::string_view key) {
  const Node* node = fields.find(key);
  if (node == nullptr) return {};
  if (node->is_list()) return quote_words(fields.texts(key));
  std::string command = trimmed(fields.text(key).value_or(""));
  std::vector<std::string> words;
  if (!split_words(command, words)) {
    fields.error(key,
                 "a quote in '" + std::string(key) + "' of " + fields.what() + " is not closed",
                 "close it, or write a list of words instead");
  }
  return command;
}

ToolSpec read_tool(Fields& fields, std::string key) {
  ToolSpec spec;
  spec.place = fields.place();
  spec.tool.name = fields.name("name").value_or(key);
  spec.key = std::move(key);
  spec.settings = read_settings(fields);
  spec.tool.container = read_container(fields, spec.settings);
  spec.tool.is_baseline = fields.flag("is_baseline").value_or(false);
  spec.stage = read_stage_label(fields);
  read_auxiliary_files(fields);
  fields.unused("required_inputs", "inputs follow from the order of the stages");
  fields.unused("output_path", "every task gets an output folder of its own");
  fields.unused("priority", "it belongs at the top level, for the whole pipeline");
  fields.unused("policy", "it belongs at the top level, for the whole pipeline");
  fields.has("description");
  return spec;
}

}  // namespace landseer::pipeline
