/// Printing what submitter/report makes of the broker's answers.
#pragma once

#include "submitter/cli/context.h"
#include "submitter/report/json_rows.h"

namespace landseer::cli {

using report::error_json;
using report::Json;
using report::parse_object;
using report::to_json;
using report::to_json_array;

/// One document, indented and ended by a newline.
void print_document(Context& context, const Json& document);
/// One object on one line, for streams.
void print_line(Context& context, const Json& object);

}  // namespace landseer::cli
