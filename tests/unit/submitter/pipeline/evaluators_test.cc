#include <gtest/gtest.h>

#include "submitter/pipeline/expand.h"
#include "tests/unit/submitter/pipeline/temp_folder.h"

namespace landseer::pipeline {
namespace {

constexpr std::string_view kEvaluators =
    "artifact_roots: [/shared]\n"
    "evaluators:\n"
    "  clean:\n"
    "    container: {image: e/old}\n"
    "evaluators:\n"
    "  clean:\n"
    "    name: clean accuracy\n"
    "    container: {image: e/clean, command: \"\"}\n"
    "    required_artifacts: []\n"
    "    metrics: [acc]\n"
    "    defense_types: []\n"
    "  backdoor:\n"
    "    container: {image: e/backdoor}\n"
    "    required_artifacts: [poison.json]\n"
    "    artifact_roots: [/own]\n"
    "    retries: 1\n";

Result<PipelineFile> load_evaluated(std::string_view text,
                                    std::string_view evaluators = kEvaluators) {
  const TempFolder folder;
  folder.write("m.py", "x = 1\n");
  const std::string flag = folder.write("evaluators.yaml", evaluators);
  return load(folder.write("p.yaml", text), {.evaluators = flag});
}

TEST(Evaluators, OfEqualLastTasksAreOneTask) {
  const auto file = load_evaluated(inline_text({{1, true}, {1, true}, {0, false}, {0, false}}));
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(count(*file, Expansion::kPermutations), (Counts{4, 8, 6, 8}));
  const auto submission = expand(*file, Expansion::kPermutations);
  ASSERT_TRUE(submission);
  EXPECT_EQ(submission->tasks.size(), 14u);
  EXPECT_EQ(names_of(*submission, 0), "pr0 du0 clean accuracy backdoor");
  const auto& evaluation = submission->tasks[submission->workflows[0].tasks[2]];
  EXPECT_EQ(evaluation.type, 5);
  EXPECT_EQ(evaluation.dependencies, std::vector<std::uint32_t>{1});
}

TEST(Evaluators, OfAToolListedTwiceAreSharedByItsWorkflows) {
  const auto file = load_evaluated(
      std::string(kHead) +
      "pipeline:\n  pre_training: {tools: [{name: a, container: {image: i}}, {name: a, container: "
      "{image: i}}]}\n  during_training: {}\n  post_training: {}\n  deployment: {}\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(count(*file, Expansion::kOnePerStage), (Counts{2, 2, 1, 2}));
}

/// A pipeline of stages with these lines at the top level.
std::string with_rules(const std::string& lines) {
  return lines + inline_text({{1, true}, {1, true}, {0, false}, {0, false}});
}

TEST(Stopping, RulesReachTheSubmission) {
  const auto file = load_evaluated(with_rules("stop_after: 3\nstop_when: acc < 0.5\n"));
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_TRUE(file->warnings.empty() || file->warnings[0].find("acc") == std::string::npos);
  const auto submission = expand(*file, Expansion::kPermutations);
  ASSERT_TRUE(submission);
  EXPECT_EQ(submission->stop_after, 3u);
  EXPECT_EQ(submission->stop_when, std::vector<std::string>{"acc < 0.5"});
  const auto several =
      load_evaluated(with_rules("stop_when: [acc < 0.5, 'clean accuracy.acc > 1']\n"));
  EXPECT_FALSE(several) << "a name with a space needs quotes";
  const auto quoted =
      load_evaluated(with_rules("stop_when: ['\"clean accuracy.acc\" > 1', a > 1]\n"));
  ASSERT_TRUE(quoted) << message_of(quoted);
  EXPECT_EQ(quoted->stop_when.size(), 2u);
}

TEST(Stopping, BadRulesAreRefusedWhereTheyStand) {
  const auto file = load_evaluated(with_rules("stop_when:\n- acc = 1\n"));
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().where.find("p.yaml:2"), std::string::npos) << file.error().where;
  EXPECT_NE(file.error().message.find("column 5"), std::string::npos) << file.error().message;
  EXPECT_EQ(file.error().hint, "write `==`");
  EXPECT_FALSE(load_evaluated(with_rules("stop_after: 0\n")));
  EXPECT_FALSE(load_evaluated(with_rules("stop_after: many\n")));
  std::string many = "stop_when:\n";
  for (int i = 0; i < 17; ++i) many += "- a < 1\n";
  EXPECT_FALSE(load_evaluated(with_rules(many)));
}

TEST(Stopping, RulesThatCannotHoldAreWarnedOf) {
  const auto known = std::string(
      "evaluators:\n  clean:\n    container: {image: e}\n    metrics: [clean_accuracy]\n");
  const auto file = load_evaluated(with_rules("stop_when: claen_accuracy < 1\n"), known);
  ASSERT_TRUE(file) << message_of(file);
  ASSERT_FALSE(file->warnings.empty());
  EXPECT_NE(file->warnings.back().find("did you mean 'clean_accuracy'?"), std::string::npos)
      << file->warnings.back();
  const TempFolder folder;
  folder.write("m.py", "x = 1\n");
  const auto alone = load(folder.write("p.yaml", with_rules("stop_when: a < 1\n")), {});
  ASSERT_TRUE(alone) << message_of(alone);
  EXPECT_NE(alone->warnings.back().find("evaluates nothing"), std::string::npos);
}

TEST(Evaluators, WithoutAnyToolHaveNoDependency) {
  const auto file = load_evaluated(inline_text({{0, false}, {0, false}, {0, false}, {0, false}}));
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(count(*file, Expansion::kPermutations), (Counts{1, 0, 0, 2}));
  const auto submission = expand(*file, Expansion::kPermutations);
  ASSERT_TRUE(submission);
  EXPECT_TRUE(submission->tasks[0].dependencies.empty());
}

TEST(Evaluators, SayWhatTheyMeasureAndRequireAndNothingOfTheWorkflow) {
  const auto file = load_evaluated(inline_text({{1, false}, {0, false}, {0, false}, {0, false}}));
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_TRUE(any_contains(file->warnings, "evaluators.yaml:5:1"));
  ASSERT_EQ(file->evaluators.size(), 2u);
  EXPECT_EQ(file->evaluators[0].config.text(),
            R"({"evaluator":"clean","metrics":["acc"],"required_artifacts":[],)"
            R"("stage":"evaluation","tool_name":"clean accuracy"})");
  const domain::TaskOptions& options = file->evaluators[1].options;
  EXPECT_EQ(options.required_artifacts, std::vector<std::string>{"poison.json"});
  EXPECT_EQ(options.artifact_roots, (std::vector<std::string>{"/shared", "/own"}));
  EXPECT_EQ(options.retries, 1u);
  EXPECT_EQ(file->evaluators[0].options.metrics, std::vector<std::string>{"acc"});
}

TEST(Evaluators, AnEmptyListMeansNone) {
  const auto file = load_evaluated(inline_text({{1, false}, {0, false}, {0, false}, {0, false}}),
                                   "evaluators: {}\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(count(*file, Expansion::kPermutations).evaluations, 0u);
}

TEST(Evaluators, FollowTheLastTaskOfANativeWorkflowThatIsNoEvaluation) {
  const auto file = load_evaluated(
      "tools: {a: {container: {image: i/a}}, b: {container: {image: i/b}}}\n"
      "workflows:\n"
      "- {name: w, tasks: [a, {tool: b, type: evaluation}]}\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(count(*file, Expansion::kPermutations), (Counts{1, 1, 1, 3}));
  const auto submission = expand(*file, Expansion::kPermutations);
  ASSERT_TRUE(submission);
  EXPECT_EQ(submission->tasks[2].dependencies, std::vector<std::uint32_t>{0});
}

TEST(Evaluators, AreNotLookedForWithoutAFlag) {
  const TempFolder folder;
  folder.write("evaluators.yaml", kEvaluators);
  const auto file =
      load(folder.write("p.yaml", inline_text({{1, false}, {0, false}, {0, false}, {0, false}})));
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_TRUE(file->evaluators.empty());
}

}  // namespace
}  // namespace landseer::pipeline
