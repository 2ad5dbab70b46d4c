#include "submitter/cli/json_rows.h"

#include <nlohmann/json.hpp>

namespace landseer::cli {

void print_document(Context& context, const Json& document) {
  context.print(report::dump(document, 2) + "\n");
}

void print_line(Context& context, const Json& object) {
  context.print(report::dump(object) + "\n");
}

}  // namespace landseer::cli
