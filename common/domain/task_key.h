/// The identity of work. Two tasks with one key compute the same thing, in whatever pipeline, on
/// whatever broker; that is what makes sharing and caching safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/domain/task.h"

namespace landseer::domain {

/// What all tasks of a pipeline have in common and their results depend on.
struct KeyContext {
  Digest model_script;  ///< none without a model
  std::string dataset_name;
  std::string dataset_variant;
  std::string dataset_params = "{}";  ///< canonical JSON
};

/// The canonical JSON text that is hashed: tool name, image, command, runtime, configuration, env,
/// model script, dataset, and the dependencies' keys sorted. Kept readable, because the answer to
/// "why did this run again?" is the difference of two such texts.
std::string key_ingredients(const ToolDefinition& tool, std::string_view config,
                            const TaskOptions& options, const KeyContext& context,
                            std::span<const TaskKey> dependencies);

/// SHA-256 of key_ingredients(). Ids, priority, resources, retries, paths and times have no part
/// in it; the chain through dependency *keys* makes tasks that differ only upstream differ.
TaskKey make_task_key(const ToolDefinition& tool, std::string_view config,
                      const TaskOptions& options, const KeyContext& context,
                      std::span<const TaskKey> dependencies);

}  // namespace landseer::domain
