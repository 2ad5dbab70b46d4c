/// Reads one tool definition, wherever it stands: in a catalogue, among a pipeline's own tools, as
/// an inline item of a stage, or as an evaluator.
#pragma once

#include <string>

#include "submitter/pipeline/registry.h"

namespace landseer::pipeline {

/// Reads name, container, stage and settings; the caller calls finish(), because items have keys
/// of their own. `key` becomes the display name when none is given.
ToolSpec read_tool(Fields& fields, std::string key);

/// A command line: a text as it is, a list quoted so that splitting gives its words back.
std::string read_command(Fields& fields, std::string_view key);

/// Reads a mapping of tools (`tools:` of a catalogue or a pipeline file) into `registry`.
void read_tools(const Node& tools, ToolRegistry& registry, Diagnostics& out);

/// The top-level mappings of the three registry files.
ToolRegistry read_tool_registry(const Node& root, Diagnostics& out);
DatasetRegistry read_dataset_registry(const Node& root, Diagnostics& out);
std::vector<EvaluatorSpec> read_evaluator_registry(const Node& root, Diagnostics& out);

}  // namespace landseer::pipeline
