#include "submitter/cli/result_csv.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "submitter/cli/csv.h"

namespace landseer::cli {
namespace {

using report::CombinationResult;
using report::Results;
using report::ToolResult;

std::string seconds(std::optional<double> duration) {
  return duration ? fmt::format("{:.3f}", *duration) : "";
}

/// JSON text as a cell: texts without their quotes, -1 for what is missing.
std::string metric_field(const std::string& text) {
  if (text.empty()) return "-1";
  const auto value = nlohmann::json::parse(text, nullptr, false);
  return value.is_string() ? value.get<std::string>() : text;
}

}  // namespace

std::string tools_csv(const report::Results& results) {
  std::string out = csv_line({"pipeline_id", "combination", "stage", "tool_name", "cache_key",
                              "duration_sec", "status", "output_path"});
  for (const ToolResult& row : results.tools) {
    out += csv_line({to_string(results.pipeline), row.combination, row.stage, row.tool,
                     row.cache_key, seconds(row.duration_sec), row.status, row.output_path});
  }
  return out;
}

std::string combinations_csv(const report::Results& results) {
  std::vector<std::string> titles{"pipeline_id", "combination"};
  for (const domain::TaskType stage : report::kStages) titles.emplace_back(to_string(stage));
  titles.insert(titles.end(), {"dataset_name", "dataset_type"});
  titles.insert(titles.end(), results.metrics.begin(), results.metrics.end());
  titles.insert(titles.end(), {"total_duration", "combination_status"});
  std::string out = csv_line(titles);
  for (const CombinationResult& row : results.combinations) {
    std::vector<std::string> fields{to_string(results.pipeline), row.combination};
    fields.insert(fields.end(), row.stages.begin(), row.stages.end());
    fields.insert(fields.end(), {results.dataset_name, results.dataset_type});
    for (const std::string& metric : row.metrics) fields.push_back(metric_field(metric));
    fields.insert(fields.end(), {seconds(row.total_duration), row.status});
    out += csv_line(fields);
  }
  return out;
}

}  // namespace landseer::cli
