#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/base/units.h"
#include "submitter/cli/csv.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/result_csv.h"
#include "submitter/cli/table.h"
#include "submitter/cli/targets.h"
#include "submitter/cli/verbs.h"
#include "submitter/report/interactions.h"

namespace landseer::cli {
namespace {

using report::CombinationResult;
using report::Results;

constexpr std::array<const char*, 4> kTitles{"PRE", "IN", "POST", "DEPLOY"};

Result<Results> fetch(client::Client& client, PipelineId id) {
  const auto status = client.status(id);
  if (!status) return tl::make_unexpected(status.error());
  const auto workflows = client.workflows(id);
  if (!workflows) return tl::make_unexpected(workflows.error());
  const auto tasks = client.tasks(id);
  if (!tasks) return tl::make_unexpected(tasks.error());
  return report::join_results(status->row, *workflows, *tasks);
}

/// Four digits are what a person compares; the files have all.
std::string short_metric(const std::string& text) {
  const auto value = nlohmann::json::parse(text.empty() ? "null" : text, nullptr, false);
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number_float()) return text;
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.4g", value.get<double>());
  return buffer.data();
}

Color status_color(const std::string& status) {
  if (status == "success") return Color::kGreen;
  if (status == "cancelled" || status == "pruned") return Color::kYellow;
  return status == "failure" ? Color::kRed : Color::kBlue;
}

Table results_table(const Results& results) {
  std::vector<Column> columns{{.title = "COMBINATION", .width_min = 8}};
  for (const char* title : kTitles) columns.push_back({.title = title, .width_min = 6});
  for (const std::string& metric : results.metrics) {
    columns.push_back({.title = metric, .side = Side::kRight, .width_min = 6, .optional = true});
  }
  columns.push_back({.title = "TOOK", .side = Side::kRight});
  columns.push_back({"STATUS"});
  Table table(std::move(columns));
  for (const CombinationResult& row : results.combinations) {
    std::vector<Cell> cells{row.combination};
    for (const std::string& stage : row.stages) cells.emplace_back(stage.empty() ? "-" : stage);
    for (const std::string& metric : row.metrics) cells.emplace_back(short_metric(metric));
    cells.emplace_back(format_duration(
        std::chrono::milliseconds(static_cast<std::int64_t>(row.total_duration * 1000))));
    cells.emplace_back(row.status, status_color(row.status));
    table.add(std::move(cells));
  }
  return table;
}

std::string effect(const report::InteractionCell& cell) {
  if (cell.severity == "none" && cell.sign == "none") return "none";
  return cell.severity + ", " + cell.sign;
}

Color effect_color(const report::InteractionCell& cell) {
  if (cell.sign == "negative") return Color::kRed;
  if (cell.sign == "positive") return Color::kGreen;
  return cell.sign == "mixed" ? Color::kYellow : Color::kNone;
}

Table interactions_table(const report::Interactions& found) {
  Table table({{.title = "DEFENCE", .width_min = 8},
               {.title = "WITH", .width_min = 8},
               {.title = "CHANGE", .side = Side::kRight},
               {.title = "RELATIVE", .side = Side::kRight},
               {.title = "PAIRS", .side = Side::kRight},
               {"EFFECT"}});
  for (const report::InteractionCell& cell : found.cells) {
    table.add({found.tools[cell.row].tool,
               found.tools[cell.column].tool,
               fmt::format("{:+.4g}", cell.change),
               fmt::format("{:+.1f} %", 100 * cell.relative_change),
               std::to_string(cell.n),
               {effect(cell), effect_color(cell)}});
  }
  return table;
}

/// One row for each two defences that some pair of combinations tells about.
Result<int> show_interactions(Context& context, const Results& results, const std::string& metric) {
  const auto found = report::find_interactions(results, metric);
  if (!found) return tl::make_unexpected(found.error());
  if (context.json()) {
    print_document(context, report::to_json(*found));
  } else if (found->cells.empty()) {
    context.note("no two combinations with numbers differ in one defence only, yet");
  } else {
    const bool lower = found->higher_is_better == false;
    context.note(found->metric + (lower ? ", lower is better" : ", higher is better") +
                 "; one pair alone says little");
    context.print(interactions_table(*found).text(context.out()));
  }
  return kSuccess;
}

struct CsvPaths {
  std::string tools;
  std::string combinations;
};

Result<CsvPaths> write_csv(const std::string& folder, const Results& results) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return fail(ErrorCode::kIo, "cannot make the folder: " + error.message(), folder,
                "name a folder that can be written");
  }
  CsvPaths paths{folder + "/results_tools.csv", folder + "/results_combinations.csv"};
  if (auto written = replace_file(paths.tools, tools_csv(results)); !written) {
    return tl::make_unexpected(written.error());
  }
  if (auto written = replace_file(paths.combinations, combinations_csv(results)); !written) {
    return tl::make_unexpected(written.error());
  }
  return paths;
}

}  // namespace

Result<int> run_results(Context& context, const ResultsOptions& options) {
  const auto id = find_pipeline(context, options.pipeline);
  if (!id) return tl::make_unexpected(id.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto results = fetch(**client, *id);
  if (!results) return tl::make_unexpected(results.error());
  if (options.interactions) return show_interactions(context, *results, options.metric);
  CsvPaths paths;
  if (!options.csv.empty()) {
    auto written = write_csv(options.csv, *results);
    if (!written) return tl::make_unexpected(written.error());
    paths = std::move(*written);
  }
  if (context.json()) {
    Json document = to_json(*results);
    if (!options.csv.empty()) {
      document["files"] = {{"tools", paths.tools}, {"combinations", paths.combinations}};
    }
    print_document(context, document);
  } else if (!context.quiet()) {
    context.print(results_table(*results).text(context.out()));
    context.note(summary(*results));
  }
  if (!options.csv.empty()) {
    context.note("written: " + paths.tools);
    context.note("written: " + paths.combinations);
  } else {
    context.next("landseer results " + to_string(*id) + " --csv DIR");
  }
  return kSuccess;
}

}  // namespace landseer::cli
