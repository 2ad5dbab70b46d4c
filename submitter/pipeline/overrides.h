/// `--set key=value`: changes to a file's tree before it is read. What they set is checked like
/// the file itself, only stricter: an unknown key is an error.
#pragma once

#include <string>
#include <vector>

#include "submitter/pipeline/yaml.h"

namespace landseer::pipeline {

/// Applies `settings` to `root` in order; a missing mapping on the path is made, a number on the
/// path picks an item of a list. Errors name the setting as their place.
void apply_overrides(Document& document, Node& root, const std::vector<std::string>& settings,
                     Diagnostics& out);

}  // namespace landseer::pipeline
