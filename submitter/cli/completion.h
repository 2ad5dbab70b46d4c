/// Shell completion, generated from the definition of the command line itself.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "common/base/result.h"

namespace landseer::cli {

/// The script for `bash`, `zsh` or `fish`; kInvalid for another shell.
Result<std::string> completion_script(const CLI::App& app, const std::string& shell);

}  // namespace landseer::cli
