/// Reads `resources:` of a pipeline file. docs/pipelines.md, "Resources".
#pragma once

#include <optional>
#include <string>

#include "submitter/pipeline/settings.h"

namespace landseer::pipeline {

/// Puts what the mapping says into `settings`. Keys that are none of ours are resources of the
/// site, with whole numbers as amounts.
void read_resources(Fields& fields, Settings& settings);

/// The value of `runtime`, `auto` included; none: nothing is said, or it is no runtime.
std::optional<std::string> read_runtime(Fields& fields);

}  // namespace landseer::pipeline
