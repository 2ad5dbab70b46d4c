/// The whole program but its process-wide settings: arguments in, exit code out.
#pragma once

namespace landseer::cli {

/// Reads the arguments, runs the verb on the process's streams and reports its failure. Call once.
int run(int argc, const char* const* argv);

}  // namespace landseer::cli
