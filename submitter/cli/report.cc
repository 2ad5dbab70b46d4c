#include "submitter/cli/report.h"

#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/text_width.h"

namespace landseer::cli {

std::string error_text(const Screen& screen, const Error& error) {
  std::string text =
      paint(screen, Color::kRed, "error:") + " " + strip_control(error.message, true) + "\n";
  if (!error.where.empty()) text += "  where: " + one_line(error.where) + "\n";
  if (!error.hint.empty()) text += "  hint:  " + one_line(error.hint) + "\n";
  return text;
}

void report_error(Context& context, std::string_view code, const Error& error) {
  if (context.json()) {
    print_document(context, error_json(code, error));
  } else {
    context.err().stream << error_text(context.err(), error) << std::flush;
  }
}

int report_failure(Context& context, const Error& error) {
  if (const int signal = context.interrupted_by(); signal != 0) {
    report_error(context, "interrupted", error);
    return kSignalBase + signal;
  }
  report_error(context, to_string(error.code), error);
  return exit_code(error.code);
}

}  // namespace landseer::cli
