#include "submitter/cli/run.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "common/log/log.h"
#include "submitter/cli/command_line.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/report.h"

namespace landseer::cli {
namespace {

/// Known even when the arguments cannot be read: also then a script wants its error as JSON.
bool wants_json(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  const char* variable = std::getenv("LANDSEER_JSON");
  return variable != nullptr &&
         (std::string_view(variable) == "1" || std::string_view(variable) == "true");
}

Context make_context(const GlobalOptions& options) {
  Screen out = probe_screen(std::cout, STDOUT_FILENO, options.no_color);
  Screen err = probe_screen(std::cerr, STDERR_FILENO, options.no_color);
  const bool can_ask = isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
  return Context(options, Streams{out, err, std::cin, can_ask});
}

}  // namespace

int run(int argc, const char* const* argv) {
  Command command;
  const auto app = define_command_line(command);
  const auto text = read_arguments(*app, argc, argv);
  if (!text) {
    command.global.json = wants_json(argc, argv);
    Context context = make_context(command.global);
    return report_failure(context, text.error());
  }
  if (*text) {
    std::cout << **text << std::flush;
    return kSuccess;
  }
  log::start("landseer", command.log.level, command.log.format);
  command.global.trace = command.log.level == "debug" || command.log.level == "trace";
  Context context = make_context(command.global);
  const auto code = command.run(context);
  const int ended = code ? *code : report_failure(context, code.error());
  std::cout.flush();
  if (std::cout.good() || ended != kSuccess) return ended;
  std::cerr << "error: the output could not be written\n";
  return kFailed;
}

}  // namespace landseer::cli
