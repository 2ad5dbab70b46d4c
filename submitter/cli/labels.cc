#include "submitter/cli/labels.h"

namespace landseer::cli {

Result<std::pair<std::string, std::string>> parse_label(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return fail(ErrorCode::kInvalid, "--label '" + text + "' is not KEY=VALUE", "--label",
                "write --label rack=3");
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

}  // namespace landseer::cli
