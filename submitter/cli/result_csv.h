/// The CSV form of results: columns as users of Landseer know them.
#pragma once

#include <string>

#include "submitter/report/result_rows.h"

namespace landseer::cli {

/// The two files of docs/cli.md, "Results": a missing metric is -1 there.
std::string tools_csv(const report::Results& results);
std::string combinations_csv(const report::Results& results);

}  // namespace landseer::cli
