/// How a verb's failure reaches the user: lines on stderr, or one JSON document on stdout.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "submitter/cli/context.h"

namespace landseer::cli {

/// `error: what`, then where, then what to do next, each on its own line and free of control
/// sequences.
std::string error_text(const Screen& screen, const Error& error);

/// Prints in the form that --json decides; `code` is the JSON form's stable word.
void report_error(Context& context, std::string_view code, const Error& error);

/// Prints the outcome of a verb that failed and returns the exit code to end with.
int report_failure(Context& context, const Error& error);

}  // namespace landseer::cli
