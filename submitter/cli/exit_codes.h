/// The numbers `landseer` ends with. Scripts rely on them: docs/cli.md, "Exit codes".
#pragma once

#include "common/base/result.h"

namespace landseer::cli {

inline constexpr int kSuccess = 0;
inline constexpr int kFailed = 1;       ///< the operation failed, or a pipeline did not complete
inline constexpr int kUsage = 2;        ///< usage or bad input, a limit exceeded included
inline constexpr int kUnreachable = 3;  ///< no broker answers
inline constexpr int kForbidden = 4;    ///< the caller lacks the right
inline constexpr int kNoSuchObject = 5;
inline constexpr int kTimedOut = 124;    ///< `wait --timeout` ran out, as timeout(1) says it
inline constexpr int kSignalBase = 128;  ///< plus the signal's number: 130 for an interrupt

int exit_code(ErrorCode code);

}  // namespace landseer::cli
