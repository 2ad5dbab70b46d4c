#include "submitter/pipeline/expand.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "tests/unit/submitter/pipeline/temp_folder.h"

namespace landseer::pipeline {
namespace {

PipelineFile file_of(const std::vector<StageShape>& shapes) {
  auto file = load_text(inline_text(shapes));
  EXPECT_TRUE(file) << message_of(file);
  return file.value_or(PipelineFile{});
}

/// The counts that a built submission has.
Counts counts_of(const protocol::Submission& submission) {
  Counts counts{.workflows = submission.workflows.size()};
  for (const auto& task : submission.tasks) ++(task.type == 5 ? counts.evaluations : counts.tasks);
  for (const auto& workflow : submission.workflows) {
    for (const auto task : workflow.tasks) {
      if (submission.tasks[task].type != 5) ++counts.task_instances;
    }
  }
  return counts;
}

/// The rules of docs/protocol.md, "Submission", and that no task is there twice.
void expect_sound(const protocol::Submission& submission) {
  std::set<std::tuple<std::uint32_t, std::uint32_t, std::string, std::set<std::uint32_t>>> seen;
  for (std::uint32_t i = 0; i < submission.tasks.size(); ++i) {
    const auto& task = submission.tasks[i];
    for (const auto dependency : task.dependencies) ASSERT_LT(dependency, i);
    const std::set<std::uint32_t> needs(task.dependencies.begin(), task.dependencies.end());
    ASSERT_TRUE(
        seen.emplace(task.tool, task.config, submission.options[task.options].env, needs).second);
  }
  std::vector<bool> reached(submission.tasks.size());
  std::uint32_t next = 0;
  for (const auto& workflow : submission.workflows) {
    for (const auto task : workflow.tasks) {
      if (reached[task]) continue;
      ASSERT_EQ(task, next++) << "tasks are not in the order in which workflows reach them";
      reached[task] = true;
    }
  }
  ASSERT_EQ(next, submission.tasks.size());
}

void expect_counts(const PipelineFile& file, Expansion expansion, const Counts& expected) {
  EXPECT_EQ(count(file, expansion), expected);
  const auto submission = expand(file, expansion);
  ASSERT_TRUE(submission) << submission.error().to_string();
  EXPECT_EQ(counts_of(*submission), expected);
  expect_sound(*submission);
}

TEST(Expand, OneToolPerStageAndTwoInDeploymentGiveTheReferenceCounts) {
  const PipelineFile file = file_of({{1, true}, {1, true}, {1, true}, {2, true}});
  expect_counts(file, Expansion::kPermutations, {40, 176, 54, 0});
  expect_counts(file, Expansion::kOnePerStage, {24, 96, 38, 0});
}

TEST(Expand, TwoOneTwoTwoGivesTheReferenceCounts) {
  const PipelineFile file = file_of({{2, true}, {1, true}, {2, true}, {2, true}});
  expect_counts(file, Expansion::kPermutations, {250, 1300, 315, 0});
  expect_counts(file, Expansion::kOnePerStage, {54, 216, 81, 0});
}

TEST(Expand, EmptyDeploymentGivesTheReferenceCounts) {
  const PipelineFile file = file_of({{2, true}, {1, true}, {1, true}, {0, true}});
  expect_counts(file, Expansion::kPermutations, {20, 88, 55, 0});
  expect_counts(file, Expansion::kOnePerStage, {12, 48, 33, 0});
}

TEST(Expand, LoneBaselinesAndThreeDeploymentToolsGiveTheReferenceCounts) {
  expect_counts(file_of({{0, true}, {0, true}, {0, true}, {1, true}}), Expansion::kPermutations,
                {2, 8, 5, 0});
  expect_counts(file_of({{1, true}, {1, true}, {1, true}, {3, true}}), Expansion::kPermutations,
                {128, 656, 142, 0});
  expect_counts(file_of({{1, true}, {1, true}, {1, true}, {3, true}}), Expansion::kOnePerStage,
                {32, 128, 46, 0});
}

TEST(Expand, ALargeProductWithAnEmptyStageSharesItsPrefixes) {
  const PipelineFile file = file_of({{4, true}, {1, true}, {4, true}, {0, false}});
  expect_counts(file, Expansion::kPermutations, {8450, 59670, 8645, 0});
  expect_counts(file, Expansion::kOnePerStage, {50, 150, 65, 0});
}

TEST(Expand, FiveToolsWithoutBaselineHave325Orders) {
  expect_counts(file_of({{5, false}, {0, false}, {0, false}, {0, false}}), Expansion::kPermutations,
                {325, 1305, 325, 0});
}

TEST(Expand, DuringTrainingToolsAreNeverCombined) {
  expect_counts(file_of({{0, false}, {3, true}, {0, false}, {0, false}}), Expansion::kPermutations,
                {4, 4, 4, 0});
}

TEST(Expand, TenToolsInOneStageAreCountedWithoutBuildingAndRefused) {
  const PipelineFile file = file_of({{10, true}, {0, false}, {0, false}, {0, false}});
  EXPECT_EQ(count(file, Expansion::kPermutations).workflows, 9'864'101u);
  EXPECT_EQ(count(file, Expansion::kOnePerStage).workflows, 11u);
  const auto refused = expand(file, Expansion::kPermutations);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
  EXPECT_NE(refused.error().message.find("9,864,101 workflows"), std::string::npos);
  EXPECT_NE(refused.error().message.find("100,000"), std::string::npos);
  EXPECT_NE(refused.error().hint.find("--expansion one-per-stage"), std::string::npos);
  EXPECT_NE(refused.error().hint.find("--max-workflows"), std::string::npos);
  EXPECT_NE(refused.error().where.find("p.yaml:"), std::string::npos);
}

TEST(Expand, CountsSaturateInsteadOfWrapping) {
  const PipelineFile file = file_of({{40, false}, {1, false}, {40, true}, {40, true}});
  const Counts counts = count(file, Expansion::kPermutations);
  EXPECT_EQ(counts.workflows, ~std::uint64_t{0});
  EXPECT_EQ(counts.tasks, ~std::uint64_t{0});
  EXPECT_EQ(counts.task_instances, ~std::uint64_t{0});
  const auto refused = expand(file, Expansion::kPermutations, ~std::uint64_t{0} - 1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("more than 10^19"), std::string::npos);
}

TEST(Expand, ProtocolLimitsHoldWhateverMaxWorkflowsSays) {
  const PipelineFile file = file_of({{10, true}, {0, false}, {0, false}, {0, false}});
  const auto refused = expand(file, Expansion::kPermutations, 1'000'000'000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
  EXPECT_NE(refused.error().message.find("distinct tasks"), std::string::npos);
}

TEST(Expand, MaxWorkflowsItselfIsAllowed) {
  const PipelineFile file = file_of({{1, true}, {1, true}, {0, false}, {0, false}});
  EXPECT_TRUE(expand(file, Expansion::kPermutations, 4));
  EXPECT_FALSE(expand(file, Expansion::kPermutations, 3));
}

TEST(Expand, PermutationsComeLongestFirstInListingOrderThenTheBaseline) {
  const auto submission =
      expand(file_of({{2, true}, {0, false}, {0, false}, {0, false}}), Expansion::kPermutations);
  ASSERT_TRUE(submission);
  ASSERT_EQ(submission->workflows.size(), 5u);
  EXPECT_EQ(names_of(*submission, 0), "pr0 pr1");
  EXPECT_EQ(names_of(*submission, 1), "pr1 pr0");
  EXPECT_EQ(names_of(*submission, 2), "pr0");
  EXPECT_EQ(names_of(*submission, 3), "pr1");
  EXPECT_EQ(names_of(*submission, 4), "noop");
  EXPECT_EQ(submission->workflows[0].name, "comb_001");
  EXPECT_EQ(submission->workflows[4].name, "comb_005");
}

TEST(Expand, TheFirstStageVariesSlowest) {
  const auto submission =
      expand(file_of({{1, true}, {1, true}, {0, false}, {0, false}}), Expansion::kOnePerStage);
  ASSERT_TRUE(submission);
  EXPECT_EQ(names_of(*submission, 0), "pr0 du0");
  EXPECT_EQ(names_of(*submission, 1), "pr0 noop");
  EXPECT_EQ(names_of(*submission, 2), "noop du0");
}

TEST(Expand, NamesGrowBeyondThreeDigits) {
  const auto submission =
      expand(file_of({{4, true}, {1, true}, {4, true}, {0, false}}), Expansion::kPermutations);
  ASSERT_TRUE(submission);
  EXPECT_EQ(submission->workflows[999].name, "comb_1000");
  EXPECT_EQ(submission->workflows.back().name, "comb_8450");
}

TEST(Expand, TasksChainThroughEmptyStages) {
  const auto submission =
      expand(file_of({{1, false}, {0, false}, {0, false}, {1, false}}), Expansion::kPermutations);
  ASSERT_TRUE(submission);
  ASSERT_EQ(submission->tasks.size(), 2u);
  EXPECT_TRUE(submission->tasks[0].dependencies.empty());
  EXPECT_EQ(submission->tasks[1].dependencies, std::vector<std::uint32_t>{0});
  EXPECT_EQ(submission->tasks[0].type, 1);
  EXPECT_EQ(submission->tasks[1].type, 4);
}

TEST(Expand, NoToolAtAllIsOneEmptyWorkflow) {
  const PipelineFile file = file_of({{0, false}, {0, false}, {0, false}, {0, false}});
  EXPECT_TRUE(any_contains(file.warnings, "nothing will run"));
  expect_counts(file, Expansion::kPermutations, {1, 0, 0, 0});
}

TEST(Expand, ConfigurationIsStageAndToolName) {
  const auto submission =
      expand(file_of({{0, false}, {1, false}, {0, false}, {0, false}}), Expansion::kPermutations);
  ASSERT_TRUE(submission);
  ASSERT_EQ(submission->configs.size(), 1u);
  EXPECT_EQ(submission->configs[0], R"({"stage":"during_training","tool_name":"du0"})");
}

TEST(Expand, EqualOptionsAndToolsAreStoredOnce) {
  const auto submission =
      expand(file_of({{3, true}, {1, true}, {1, true}, {0, false}}), Expansion::kPermutations);
  ASSERT_TRUE(submission);
  EXPECT_EQ(submission->tools.size(), 8u);
  EXPECT_EQ(submission->options.size(), 1u);
  EXPECT_EQ(submission->configs.size(), 8u);
}

std::string same_names_text(std::string_view second_image) {
  return std::string(kHead) +
         "pipeline:\n"
         "  pre_training:\n"
         "    tools:\n"
         "    - {name: twin, container: {image: 'i/a:1', command: run}}\n"
         "    - {name: twin, container: {image: '" +
         std::string(second_image) +
         "', command: run}}\n"
         "  during_training: {tools: []}\n"
         "  post_training: {tools: []}\n"
         "  deployment: {tools: []}\n";
}

TEST(Expand, ToolsWithOneNameAndTwoImagesAreTwoTools) {
  const auto file = load_text(same_names_text("i/b:1"));
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_TRUE(file->warnings.empty());
  expect_counts(*file, Expansion::kPermutations, {4, 6, 4, 0});
}

TEST(Expand, AToolListedTwiceGivesItsWorkflowsTwiceAndItsWorkOnce) {
  const auto file = load_text(same_names_text("i/a:1"));
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_TRUE(any_contains(file->warnings, "p.yaml:7:"));
  EXPECT_TRUE(any_contains(file->warnings, "its workflows appear twice"));
  expect_counts(*file, Expansion::kPermutations, {4, 6, 2, 0});
  expect_counts(*file, Expansion::kOnePerStage, {2, 2, 1, 0});
}

TEST(Expand, SeveralBaselinesAreAllOptionsWithAWarning) {
  const auto file =
      load_text(std::string(kHead) +
                "pipeline:\n"
                "  pre_training:\n"
                "    tools:\n"
                "    - {name: base1, is_baseline: true, container: {image: 'i/1:1'}}\n"
                "    - {name: tool, container: {image: 'i/2:1'}}\n"
                "    - {name: base2, is_baseline: true, container: {image: 'i/3:1'}}\n"
                "  during_training: {tools: []}\n"
                "  post_training: {tools: []}\n"
                "  deployment: {tools: []}\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_TRUE(any_contains(file->warnings, "p.yaml:8:7: pre_training has several baselines"));
  expect_counts(*file, Expansion::kPermutations, {3, 3, 3, 0});
  const auto permuted = expand(*file, Expansion::kPermutations);
  const auto listed = expand(*file, Expansion::kOnePerStage);
  ASSERT_TRUE(permuted && listed);
  EXPECT_EQ(names_of(*permuted, 0), "tool");
  EXPECT_EQ(names_of(*permuted, 1), "base1");
  EXPECT_EQ(names_of(*listed, 0), "base1");
  EXPECT_EQ(names_of(*listed, 1), "tool");
}

TEST(Expansion, ParsesItsTwoNamesAndSuggestsTheNearest) {
  EXPECT_EQ(parse_expansion("permutations").value(), Expansion::kPermutations);
  EXPECT_EQ(parse_expansion("one-per-stage").value(), Expansion::kOnePerStage);
  EXPECT_EQ(parse_expansion("one_per_stage").error().hint, "did you mean 'one-per-stage'?");
  EXPECT_FALSE(parse_expansion("").has_value());
}

}  // namespace
}  // namespace landseer::pipeline
