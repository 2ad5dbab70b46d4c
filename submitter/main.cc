/// landseer: the command line. Process-wide settings here, everything else in submitter/cli.
#include <langinfo.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>

#include "submitter/cli/exit_codes.h"
#include "submitter/cli/run.h"

namespace {

/// Until a verb waits for the broker and takes signals itself, an interrupt ends us at once, with
/// the exit code that scripts know. Only what a signal handler may call.
void on_interrupt(int signal) { _exit(landseer::cli::kSignalBase + signal); }

/// For the width of characters: names are UTF-8 whatever the user's locale is.
void set_locale() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, on_interrupt);
  set_locale();
  try {
    return landseer::cli::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "error: internal error: " << error.what() << '\n'
              << "  hint:  this is a bug of landseer; please report it\n";
    return landseer::cli::kFailed;
  }
}
