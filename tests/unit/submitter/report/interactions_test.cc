#include "submitter/report/interactions.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace landseer::report {
namespace {

/// Results from text: one combination a line, `pre:a pre:b in:c = 0.5`; a tool in brackets is a
/// baseline.
Results results_of(const std::vector<std::string>& lines, const std::string& metric = "accuracy") {
  Results results;
  results.pipeline = PipelineId{3};
  results.metrics = {metric};
  for (const std::string& line : lines) {
    CombinationResult row;
    std::istringstream words(line);
    for (std::string word; words >> word && word != "=";) {
      const auto colon = word.find(':');
      const std::size_t stage = word.substr(0, colon) == "pre" ? 0 : 1;
      const std::string tool = word.substr(colon + 1);
      const bool is_baseline = tool.front() == '(';
      row.stage_tools[stage].push_back({tool, is_baseline});
    }
    std::string value;
    words >> value;
    row.metrics = {value};
    results.combinations.push_back(row);
  }
  return results;
}

const InteractionCell* find(const Interactions& found, const std::string& row,
                            const std::string& column) {
  for (const InteractionCell& cell : found.cells) {
    if (found.tools[cell.row].tool == row && found.tools[cell.column].tool == column) return &cell;
  }
  return nullptr;
}

Interactions interactions_of(const Results& results, const std::string& metric = "") {
  const auto found = find_interactions(results, metric);
  EXPECT_TRUE(found) << found.error().to_string();
  return found ? *found : Interactions{};
}

TEST(Interactions, ATheDifferenceIsThatOfTheColumnsTool) {
  const auto found = interactions_of(results_of({
      "pre:(noop) in:(plain) = 0.9",
      "pre:trim in:(plain) = 0.8",
      "pre:(noop) in:robust = 0.5",
      "pre:trim in:robust = 0.6",
  }));
  EXPECT_EQ(found.metric, "accuracy");
  ASSERT_EQ(found.tools.size(), 2u) << "baselines are no defences";
  ASSERT_EQ(found.cells.size(), 2u);
  const InteractionCell* added = find(found, "trim", "robust");  // 0.8 -> 0.6
  ASSERT_NE(added, nullptr);
  EXPECT_EQ(added->n, 1u);
  EXPECT_NEAR(added->change, -0.2, 1e-9);
  EXPECT_NEAR(added->relative_change, -0.25, 1e-9);
  EXPECT_EQ(added->severity, "severe");
  EXPECT_EQ(added->sign, "negative");
  const InteractionCell* other = find(found, "robust", "trim");  // 0.5 -> 0.6
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->sign, "positive");
}

TEST(Interactions, PairsAreAveragedAndMayDisagree) {
  const auto found = interactions_of(results_of({
      "pre:a in:(plain) = 0.50",
      "pre:a in:x = 0.52",  // +4 %
      "pre:a pre:b in:(plain) = 0.50",
      "pre:a pre:b in:x = 0.48",  // -4 %
  }));
  const InteractionCell* cell = find(found, "a", "x");
  ASSERT_NE(cell, nullptr);
  EXPECT_EQ(cell->n, 2u);
  EXPECT_NEAR(cell->change, 0, 1e-9);
  EXPECT_EQ(cell->severity, "none");
  EXPECT_EQ(cell->sign, "mixed");
}

TEST(Interactions, OrderAndOtherToolsMustBeTheSame) {
  const auto found = interactions_of(results_of({
      "pre:a pre:b = 0.5",
      "pre:b pre:a in:x = 0.4",
      "pre:a in:x in:y = 0.3",
  }));
  EXPECT_TRUE(found.cells.empty());
}

TEST(Interactions, LessIsBetterForSomeMetrics) {
  const auto found = interactions_of(
      results_of({"pre:a in:(plain) = 0.5", "pre:a in:x = 0.51"}, "attack_success_rate"));
  const InteractionCell* cell = find(found, "a", "x");
  ASSERT_NE(cell, nullptr);
  EXPECT_GT(cell->change, 0);
  EXPECT_EQ(cell->severity, "moderate");
  EXPECT_EQ(cell->sign, "negative");
}

TEST(Interactions, WhatIsNoNumberIsLeftOut) {
  const auto missing = interactions_of(results_of({"pre:a = null", "pre:a in:x = \"8/255\""}));
  EXPECT_TRUE(missing.metric.empty());
  EXPECT_TRUE(missing.metrics.empty());
  EXPECT_EQ(to_json(missing)["metric"], nullptr);
  const auto zero = interactions_of(results_of({"pre:a = 0", "pre:a in:x = 0.25"}));
  ASSERT_EQ(zero.cells.size(), 1u) << "nothing is divided by zero";
  EXPECT_NEAR(zero.cells[0].relative_change, 0.25, 1e-9);
}

TEST(Interactions, AMetricWithoutNumbersIsAnErrorThatNamesTheNearest) {
  const auto odd = find_interactions(results_of({"pre:a = 0.5"}), "acuracy");
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, ErrorCode::kInvalid);
  EXPECT_NE(odd.error().hint.find("accuracy"), std::string::npos);
}

}  // namespace
}  // namespace landseer::report
