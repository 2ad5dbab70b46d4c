#include "submitter/report/interactions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/base/text.h"
#include "submitter/report/metric_info.h"

namespace landseer::report {
namespace {

using Json = nlohmann::ordered_json;
using Tools = std::vector<InteractionTool>;  // of a combination, in order, without baselines

struct Cell {
  std::uint64_t n = 0;
  double change = 0;  // sums
  double relative = 0;
  bool better = false;  // in some pair, by more than nothing
  bool worse = false;
};

std::optional<double> number_in(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const Json value = Json::parse(text, nullptr, false);
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

Tools tools_of(const CombinationResult& row) {
  Tools tools;
  for (std::size_t i = 0; i < kStages.size(); ++i) {
    for (const StageTool& tool : row.stage_tools[i]) {
      if (!tool.is_baseline) tools.push_back({kStages[i], tool.name});
    }
  }
  return tools;
}

/// Combinations with the same defences in the same order count as one, with their mean: they
/// differ in baselines only.
std::map<Tools, double> values_of(const Results& results, std::size_t metric) {
  std::map<Tools, std::pair<double, std::uint64_t>> sums;
  for (const CombinationResult& row : results.combinations) {
    const auto value = number_in(row.metrics[metric]);
    if (!value) continue;
    auto& [sum, count] = sums[tools_of(row)];
    sum += *value;
    ++count;
  }
  std::map<Tools, double> values;
  for (const auto& [tools, sum] : sums) {
    values[tools] = sum.first / static_cast<double>(sum.second);
  }
  return values;
}

void add_pair(Cell& cell, double without, double with, bool higher_is_better) {
  const double change = with - without;
  const double relative = without != 0 ? change / std::abs(without) : change;
  const double gain = higher_is_better ? relative : -relative;
  ++cell.n;
  cell.change += change;
  cell.relative += relative;
  cell.better = cell.better || gain >= kModerateAbove;
  cell.worse = cell.worse || gain <= -kModerateAbove;
}

std::map<std::pair<InteractionTool, InteractionTool>, Cell> compare(
    const std::map<Tools, double>& values, bool higher_is_better) {
  std::map<std::pair<InteractionTool, InteractionTool>, Cell> cells;
  for (const auto& [tools, with] : values) {
    for (std::size_t i = 0; i < tools.size(); ++i) {
      Tools others = tools;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      const auto without = values.find(others);
      if (without == values.end()) continue;
      const std::set<InteractionTool> rows(others.begin(), others.end());
      for (const InteractionTool& row : rows) {
        if (row == tools[i]) continue;
        add_pair(cells[{row, tools[i]}], without->second, with, higher_is_better);
      }
    }
  }
  return cells;
}

std::string severity_of(double relative) {
  if (std::abs(relative) < kModerateAbove) return "none";
  return std::abs(relative) < kSevereAbove ? "moderate" : "severe";
}

std::string sign_of(const Cell& cell) {
  if (cell.better && cell.worse) return "mixed";
  if (cell.better) return "positive";
  return cell.worse ? "negative" : "none";
}

/// Those that have a number in some combination.
std::vector<std::size_t> numeric_metrics(const Results& results) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < results.metrics.size(); ++i) {
    const bool any = std::any_of(results.combinations.begin(), results.combinations.end(),
                                 [i](const auto& row) { return number_in(row.metrics[i]); });
    if (any) found.push_back(i);
  }
  return found;
}

/// Index into the results' metrics; none if there are no numbers at all.
Result<std::optional<std::size_t>> choose(const Results& results,
                                          const std::vector<std::size_t>& numeric,
                                          const std::string& metric) {
  std::vector<std::string> names;
  for (const std::size_t i : numeric) {
    if (results.metrics[i] == metric) return i;
    names.push_back(results.metrics[i]);
  }
  if (!metric.empty()) {
    const std::string nearest = nearest_word(metric, names);
    return fail(ErrorCode::kInvalid, "no combination has a number for metric '" + metric + "'",
                to_string(results.pipeline),
                nearest.empty() ? "leave it out, or choose one of the columns of the results"
                                : "did you mean '" + nearest + "'?");
  }
  for (const std::size_t i : numeric) {
    if (metric_info(results.metrics[i]).higher_is_better) return i;
  }
  return numeric.empty() ? std::nullopt : std::optional(numeric.front());
}

}  // namespace

Result<Interactions> find_interactions(const Results& results, const std::string& metric) {
  const std::vector<std::size_t> numeric = numeric_metrics(results);
  const auto chosen = choose(results, numeric, metric);
  if (!chosen) return tl::make_unexpected(chosen.error());
  Interactions found;
  found.pipeline = results.pipeline;
  for (const std::size_t i : numeric) found.metrics.push_back(results.metrics[i]);
  if (!*chosen) return found;
  found.metric = results.metrics[**chosen];
  found.higher_is_better = metric_info(found.metric).higher_is_better;
  const auto values = values_of(results, **chosen);
  std::set<InteractionTool> tools;
  for (const auto& [used, value] : values) tools.insert(used.begin(), used.end());
  found.tools.assign(tools.begin(), tools.end());
  const auto index = [&](const InteractionTool& tool) {
    return static_cast<std::size_t>(std::distance(tools.begin(), tools.find(tool)));
  };
  for (const auto& [pair, cell] : compare(values, found.higher_is_better.value_or(true))) {
    const auto n = static_cast<double>(cell.n);
    found.cells.push_back({index(pair.first), index(pair.second), cell.n, cell.change / n,
                           cell.relative / n, severity_of(cell.relative / n), sign_of(cell)});
  }
  return found;
}

Json to_json(const Interactions& interactions) {
  Json tools = Json::array();
  for (const InteractionTool& tool : interactions.tools) {
    tools.push_back({{"type", to_string(tool.type)}, {"tool", tool.tool}});
  }
  Json cells = Json::array();
  for (const InteractionCell& cell : interactions.cells) {
    cells.push_back({{"row", cell.row},
                     {"column", cell.column},
                     {"n", cell.n},
                     {"change", cell.change},
                     {"relative_change", cell.relative_change},
                     {"severity", cell.severity},
                     {"sign", cell.sign}});
  }
  const auto& better = interactions.higher_is_better;
  return {{"pipeline_id", to_string(interactions.pipeline)},
          {"metric", interactions.metric.empty() ? Json() : Json(interactions.metric)},
          {"metrics", interactions.metrics},
          {"higher_is_better", better ? Json(*better) : Json()},
          {"moderate_above", kModerateAbove},
          {"severe_above", kSevereAbove},
          {"tools", std::move(tools)},
          {"cells", std::move(cells)}};
}

}  // namespace landseer::report
