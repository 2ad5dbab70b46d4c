/// What the command lines of all programs share: `--config FILE` (YAML), `LANDSEER_*` variables,
/// `--log-level`, `--log-format`, `--version`. Precedence: flag, environment, file, default.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace landseer::config {

struct LogOptions {
  std::string level = "info";   ///< trace, debug, info, warn, error
  std::string format = "text";  ///< or json
};

/// Adds the shared options to `app`.
void add_common_options(CLI::App& app, LogOptions& log);

/// Gives every option of `app` (not of its subcommands) its variable: `--data-bind` is read from
/// `LANDSEER_DATA_BIND`. Call after the last option was added.
void add_environment(CLI::App& app);

/// `landseer-broker 0.1.0 (protocol 1, store 1, commit 0123456789ab)`.
std::string version_text(const std::string& program);

/// Parses. Returns the exit code to end with (0 after --help or --version, 2 with a message that
/// names the nearest option after a usage error), or -1 to go on.
int parse(CLI::App& app, int argc, const char* const* argv);

}  // namespace landseer::config
