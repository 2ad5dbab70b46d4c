/// Starts a program the way tools are started.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/result.h"

namespace landseer::worker {

struct SpawnRequest {
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< NAME=VALUE, the complete environment
  std::string cwd;               ///< empty: this process's
  int input = -1;                ///< becomes descriptor 0
  int output = -1;               ///< becomes descriptors 1 and 2
  int errors = -1;               ///< becomes descriptor 2 instead, if there is one
  std::vector<int> entrances{};  ///< of cgroups that the program is to run in, see cgroup.h
};

/// The program runs in a session and process group of its own, with no signal blocked or ignored
/// and only descriptors 0 to 2 (all of ours are close-on-exec). A first word without a slash is
/// looked up in `env`'s PATH, one with a slash from `cwd`. That the program could not be executed
/// is known on return; the error's message says which program and why.
Result<pid_t> spawn(const SpawnRequest& request);

/// Where the PATH in `env` leads to; a name with a slash is itself; empty: nowhere. Relative
/// folders in PATH are passed over.
std::string find_program(const std::string& name, const std::vector<std::string>& env);

}  // namespace landseer::worker
