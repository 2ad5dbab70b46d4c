/// CSV as RFC 4180 describes it, with `\n` as line end; and files put in place in one step.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace landseer::cli {

/// The text itself, or quoted when it holds a comma, a quote or a line break. Spreadsheets run
/// cells that begin with `=`, `+`, `-` or `@` as formulas: such text that is no number gets a
/// leading apostrophe.
std::string csv_field(const std::string& text);

/// Fields joined by commas and ended by a newline.
std::string csv_line(const std::vector<std::string>& fields);

/// Writes beside `path` and renames, so that a reader never sees half a file.
Result<void> replace_file(const std::string& path, const std::string& text);

}  // namespace landseer::cli
