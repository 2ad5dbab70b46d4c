#include <gtest/gtest.h>

#include "submitter/pipeline/expand.h"
#include "tests/unit/submitter/pipeline/temp_folder.h"

namespace landseer::pipeline {
namespace {

constexpr std::string_view kTools =
    "tools:\n"
    "  a: {container: {image: i/a}}\n"
    "  b: {container: {image: i/b}}\n"
    "  c: {name: See, defense_stage: post, container: {image: i/c}}\n"
    "  d: {container: {image: i/d}}\n";

Result<PipelineFile> load_native(const std::string& workflows) {
  return load_text(std::string(kTools) + "workflows:\n" + workflows);
}

protocol::Submission expand_native(const std::string& workflows) {
  const auto file = load_native(workflows);
  EXPECT_TRUE(file) << message_of(file);
  if (!file) return {};
  auto submission = expand(*file, Expansion::kPermutations);
  EXPECT_TRUE(submission);
  return submission.value_or(protocol::Submission{});
}

using Indices = std::vector<std::uint32_t>;

TEST(NativeForm, NeedsNeitherDatasetNorModelNorRegistry) {
  const auto file = load_native("- {name: w, tasks: [a]}\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->form, Form::kNative);
  EXPECT_TRUE(file->warnings.empty());
}

TEST(NativeForm, TasksChainInOrderUnlessNeedsSaysOtherwise) {
  const auto submission =
      expand_native("- {name: w, tasks: [a, {tool: b}, {tool: d, needs: []}]}\n");
  ASSERT_EQ(submission.tasks.size(), 3u);
  EXPECT_EQ(submission.tasks[0].dependencies, Indices{});
  EXPECT_EQ(submission.tasks[1].dependencies, Indices{0});
  EXPECT_EQ(submission.tasks[2].dependencies, Indices{});
  EXPECT_EQ(submission.workflows[0].name, "w");
}

TEST(NativeForm, ADiamondListedBackwardsIsPutInOrder) {
  const auto submission = expand_native(
      "- name: diamond\n"
      "  tasks:\n"
      "  - {name: join, tool: d, needs: [left, right, left]}\n"
      "  - {name: left, tool: b, needs: root}\n"
      "  - {name: right, tool: c, needs: [root]}\n"
      "  - {name: root, tool: a, needs: []}\n");
  ASSERT_EQ(submission.tasks.size(), 4u);
  EXPECT_EQ(names_of(submission, 0), "a b See d");
  EXPECT_EQ(submission.tasks[3].dependencies, (Indices{1, 2}));
}

TEST(NativeForm, EqualTasksOfSeveralWorkflowsAreOne) {
  const auto file = load_native(
      "- {name: one, tasks: [a, b, c]}\n"
      "- {name: two, tasks: [a, b, {tool: d, needs: [a, b]}]}\n"
      "- {name: three, tasks: [a, {tool: b, config: {x: 1}}]}\n"
      "- {name: four, tasks: [a, b, {tool: d, needs: [b, a]}]}\n"
      "- {name: five, tasks: [a, {tool: b, env: {V: 1}}]}\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(count(*file, Expansion::kPermutations), (Counts{5, 13, 6, 0}));
}

TEST(NativeForm, TheTypeIsWhatTheFileSaysElseTheToolsStageElsePreTraining) {
  const auto submission = expand_native(
      "- name: w\n"
      "  tasks: [a, c, {tool: c, type: deployment}, {tool: d, type: in_training},\n"
      "          {tool: d, type: evaluation}]\n");
  ASSERT_EQ(submission.tasks.size(), 5u);
  EXPECT_EQ(submission.tasks[0].type, 1);
  EXPECT_EQ(submission.tasks[1].type, 3);
  EXPECT_EQ(submission.tasks[2].type, 4);
  EXPECT_EQ(submission.tasks[3].type, 2);
  EXPECT_EQ(submission.tasks[4].type, 5);
}

TEST(NativeForm, EqualTasksOfOneWorkflowAreListedOnce) {
  const auto submission = expand_native(
      "- {name: w, tasks: [{name: x, tool: a, needs: []}, {name: y, tool: a, needs: []},\n"
      "                    {tool: b, needs: [x, y]}]}\n");
  EXPECT_EQ(submission.tasks.size(), 2u);
  EXPECT_EQ(submission.workflows[0].tasks, (Indices{0, 1}));
  EXPECT_EQ(submission.tasks[1].dependencies, Indices{0});
}

TEST(NativeForm, SettingsComeFromTheWorkflowToo) {
  const auto file = load_native("- {name: w, retries: 2, tasks: [a, {tool: b, retries: 3}]}\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->workflows[0].tasks[0].use.options.retries, 2u);
  EXPECT_EQ(file->workflows[0].tasks[1].use.options.retries, 3u);
}

TEST(NativeForm, UnnamedWorkflowsAreNumbered) {
  const auto submission = expand_native("- {tasks: [a]}\n- {tasks: [b]}\n");
  ASSERT_EQ(submission.workflows.size(), 2u);
  EXPECT_EQ(submission.workflows[1].name, "comb_002");
}

TEST(NativeForm, ToolsMayComeFromARegistry) {
  const auto file = load_with_tools("workflows: [{name: w, tasks: [a]}]\n", kTools);
  ASSERT_TRUE(file) << message_of(file);
}

TEST(NativeForm, ACycleNamesItsTasksAndALine) {
  const auto file = load_native(
      "- name: w\n"
      "  tasks:\n"
      "  - {name: start, tool: a, needs: []}\n"
      "  - {name: x, tool: b, needs: [start, z]}\n"
      "  - {name: y, tool: c, needs: [x]}\n"
      "  - {name: z, tool: d, needs: [y]}\n");
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("x -> z -> y -> x"), std::string::npos)
      << file.error().message;
  EXPECT_NE(file.error().where.find("p.yaml:10:5"), std::string::npos) << file.error().where;
}

TEST(NativeForm, UnknownAndAmbiguousNeedsAreErrors) {
  EXPECT_NE(message_of(load_native("- {name: w, tasks: [a, {tool: b, needs: [aa]}]}\n"))
                .find("did you mean 'a'?"),
            std::string::npos);
  EXPECT_NE(message_of(load_native("- {name: w, tasks: [a, a, {tool: b, needs: [a]}]}\n"))
                .find("several tasks"),
            std::string::npos);
  EXPECT_NE(
      message_of(load_native("- {name: w, tasks: [{name: q, tool: a}, {name: q, tool: b}]}\n"))
          .find("two tasks of the workflow 'w' are named 'q'"),
      std::string::npos);
}

TEST(NativeForm, ManyTasksInOneWorkflowLoadAndExpand) {
  std::string text = "- name: long\n  tasks:\n";
  for (int i = 0; i < 20'000; ++i) text += "  - a\n";
  const auto file = load_native(text);
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(count(*file, Expansion::kPermutations), (Counts{1, 20'000, 20'000, 0}));
}

TEST(NativeForm, WorkflowsMayExceedTheLimitToo) {
  const auto file = load_native("- {tasks: [a]}\n- {tasks: [b]}\n");
  ASSERT_TRUE(file);
  const auto refused = expand(*file, Expansion::kPermutations, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
}

}  // namespace
}  // namespace landseer::pipeline
