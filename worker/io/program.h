/// Runs a program to its end and keeps what it says: for container engines, which are asked and
/// told things by their command lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/cancel.h"

namespace landseer::worker {

struct ProgramRequest {
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< the complete environment
  Duration time_limit{};
  const Cancel* cancel = nullptr;
  /// Called for each line of standard error as it comes.
  std::function<void(std::string_view)> on_line{};
};

struct ProgramResult {
  int exit_code = 0;   ///< 128 and the signal's number if one ended it
  std::string output;  ///< of standard output the first kProgramOutputMax bytes
  std::string errors;  ///< of standard error the last
};

inline constexpr std::size_t kProgramOutputMax = 64 * 1024;

/// Blocks until the program ends, whoever holds its streams still. The program and its process
/// group are killed at the time limit (kUnavailable) and when called off (kConflict); kIo: it
/// cannot be started. Any thread.
Result<ProgramResult> run_program(const ProgramRequest& request);

/// The last line with text in it, without control characters: where programs say what went wrong.
std::string last_line(std::string_view text);

}  // namespace landseer::worker
