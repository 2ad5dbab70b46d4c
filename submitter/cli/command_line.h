/// The command line of `landseer`: every verb and option, their help texts, and what a wrong one is
/// answered with. The only place that knows CLI11, with completion.h.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/config/options.h"
#include "submitter/cli/context.h"
#include "submitter/cli/options.h"

namespace landseer::cli {

/// What was asked for.
struct Command {
  GlobalOptions global;
  config::LogOptions log;
  std::function<Result<int>(Context&)> run;
};

/// The definition without any arguments, whose callbacks fill `command`, which must outlive it.
std::unique_ptr<CLI::App> define_command_line(Command& command);

// The parts of it, by theme.
void define_file_verbs(CLI::App& app, Command& command);      // plan, submit
void define_pipeline_verbs(CLI::App& app, Command& command);  // list ... results
void define_host_verbs(CLI::App& app, Command& command);      // up, down, workers, completion

/// `--forecast-limit`.
void add_forecast_options(CLI::App& verb, ForecastOptions& options);
CLI::Validator is_duration();

/// Reads the arguments into the command `app` was defined with. A text to print, with exit code 0,
/// for --help and --version; kInvalid, naming the nearest known word, for a usage error.
Result<std::optional<std::string>> read_arguments(CLI::App& app, int argc, const char* const* argv);

}  // namespace landseer::cli
