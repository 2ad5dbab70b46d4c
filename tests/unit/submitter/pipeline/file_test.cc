#include "submitter/pipeline/file.h"

#include <gtest/gtest.h>

#include "submitter/pipeline/expand.h"
#include "tests/unit/submitter/pipeline/temp_folder.h"

namespace landseer::pipeline {
namespace {

constexpr std::string_view kTools =
    "tools:\n"
    "  base: {name: noop, defense_stage: pre_training, is_baseline: true,\n"
    "         container: {image: 'i/noop:1', command: python main.py, runtime: null}}\n"
    "  prune:\n"
    "    name: fine pruning   \n"
    "    defense_stage: POST\n"
    "    container:\n"
    "      image: oras://i/prune:1\n"
    "      command: python3 main.py --p 0.1\n"
    "  plain: {container: {image: docker://i/plain:1, command: \"\"}}\n"
    "  arguments: {container: {image: i/arguments, command: --fast --n 3}}";

std::string stages(std::string_view pre, std::string_view post = "[]") {
  return std::string(kHead) + "pipeline:\n  pre_training: {tools: " + std::string(pre) +
         "}\n  during_training: {tools: []}\n  post_training: {tools: " + std::string(post) +
         "}\n  deployment:\n    tools: []";
}

const ToolUse& first_use(const PipelineFile& file) { return file.stages[0].tools.at(0); }

TEST(RegistryForm, ResolvesKeysAndKeepsDisplayNames) {
  const auto file = load_with_tools(stages("[base]", "[prune]"), kTools);
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->form, Form::kRegistry);
  EXPECT_EQ(file->name, "p");
  EXPECT_EQ(first_use(*file).key, "base");
  EXPECT_EQ(first_use(*file).tool.name, "noop");
  EXPECT_TRUE(first_use(*file).tool.is_baseline);
  EXPECT_EQ(first_use(*file).tool.container.runtime, std::nullopt);
  const ToolUse& prune = file->stages[2].tools.at(0);
  EXPECT_EQ(prune.tool.name, "fine pruning");
  EXPECT_EQ(prune.tool.container.image, "oras://i/prune:1");
  EXPECT_EQ(prune.config.text(), R"({"stage":"post_training","tool_name":"fine pruning"})");
  EXPECT_EQ(file->dataset.name, "d");
  EXPECT_EQ(file->dataset.variant, "clean");
  EXPECT_EQ(file->model.framework, "pytorch");
}

TEST(RegistryForm, KeepsEmptyCommandsAndCommandsThatAreOnlyArguments) {
  const auto file = load_with_tools(stages("[plain, arguments]"), kTools);
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->stages[0].tools[0].tool.container.command, "");
  EXPECT_EQ(file->stages[0].tools[1].tool.container.command, "--fast --n 3");
}

TEST(RegistryForm, AcceptsMappingItemsBesideNames) {
  const auto file = load_with_tools(
      stages("[base, {tool: plain, command: go}, {id: plain, args: [a b, c]}, {name: arguments}]"),
      kTools);
  ASSERT_TRUE(file) << message_of(file);
  const auto& tools = file->stages[0].tools;
  ASSERT_EQ(tools.size(), 4u);
  EXPECT_EQ(tools[1].tool.container.command, "go");
  EXPECT_EQ(tools[2].tool.container.command, "'a b' c");
  EXPECT_EQ(tools[3].tool.container.command, "--fast --n 3");
}

TEST(RegistryForm, AppendsArgumentsToTheCommandInForce) {
  const auto file = load_with_tools(
      stages("[]", "[{tool: prune, args: --x 1}, {tool: prune, command: go, args: [--y]}]"),
      kTools);
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->stages[2].tools[0].tool.container.command, "python3 main.py --p 0.1 --x 1");
  EXPECT_EQ(file->stages[2].tools[1].tool.container.command, "go --y");
  EXPECT_TRUE(any_contains(file->warnings, "'args' is appended to 'command'"));
}

TEST(RegistryForm, ItemsAddToTheConfiguration) {
  const auto file = load_with_tools(
      stages("[{tool: plain, config: {epochs: 3, rate: 0.10, tags: [a, 'b', null, true]}}]"),
      kTools);
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(first_use(*file).config.text(),
            R"({"epochs":3,"rate":0.1,"stage":"pre_training","tags":["a","b",null,true],)"
            R"("tool_name":"plain"})");
}

TEST(RegistryForm, FindsTheRegistryOneFolderUp) {
  const TempFolder folder;
  folder.write("tools.yaml", kTools);
  const auto file = load(folder.write("pipelines/p.yaml", stages("[base]")));
  ASSERT_TRUE(file) << message_of(file);
}

TEST(RegistryForm, WithoutAnyRegistrySaysWhereItLooked) {
  const auto file = load_text(stages("[base]"));
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("no tools.yaml lies beside the file"), std::string::npos);
  EXPECT_NE(file.error().where.find("p.yaml:4:26"), std::string::npos) << file.error().where;
  EXPECT_NE(file.error().hint.find("--tools"), std::string::npos);
}

TEST(RegistryForm, ARegistryNamedByAFlagMustExist) {
  const auto file = load_text(stages("[base]"), {.tools = "/nonexistent/tools.yaml"});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(file.error().where, "/nonexistent/tools.yaml");
}

TEST(RegistryForm, UnknownToolsGetTheNearestKeyOrTheKeyOfThatName) {
  EXPECT_EQ(load_with_tools(stages("[bsae]"), kTools).error().hint, "did you mean 'base'?");
  EXPECT_EQ(load_with_tools(stages("[fine pruning]"), kTools).error().hint,
            "use its key 'prune' instead of its name");
}

TEST(RegistryForm, AToolInTheWrongStageIsAnError) {
  const auto file = load_with_tools(stages("[prune]"), kTools);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("its defense_stage is post_training"), std::string::npos);
  EXPECT_NE(file.error().message.find("tools.yaml:5:5"), std::string::npos) << file.error().message;
}

TEST(RegistryForm, NeedsAModelAndADataset) {
  const std::string body =
      "pipeline: {pre_training: {}, during_training: {}, post_training: {}, "
      "deployment: {}}\n";
  EXPECT_EQ(load_text("dataset: {name: d}\n" + body).error().message,
            "the pipeline file has no 'model'");
  EXPECT_EQ(load_text("model: {script: m.py}\n" + body).error().message,
            "the pipeline file has no 'dataset'");
}

TEST(InlineForm, TheOldestFilesKnowDockerAndNoModel) {
  const auto file = load_text(
      "dataset: {name: cifar10, link: 'http://x', sha1: abc}\n"
      "pipeline:\n"
      "  pre_training: {tools: [], noop: {name: noop, docker: {image: i/noop, command: run}}}\n"
      "  during_training: {tools: []}\n"
      "  post_training: {tools: []}\n"
      "  deployment:\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->form, Form::kInline);
  EXPECT_TRUE(first_use(*file).tool.is_baseline);
  EXPECT_TRUE(any_contains(file->warnings, "there is no 'model'"));
  EXPECT_TRUE(any_contains(file->warnings, "'link' of 'dataset' has no effect"));
  EXPECT_TRUE(any_contains(file->warnings, "p.yaml:6:3: the stage 'deployment' has no tools"))
      << file->warnings.back();
}

TEST(InlineForm, WhatHasNoEffectIsAWarningWithItsLine) {
  const auto file =
      load_text(std::string(kHead) +
                "pipeline:\n"
                "  pre_training:\n"
                "    tools:\n"
                "    - name: a\n"
                "      container: {image: i/a, command: run, config_script: c.py}\n"
                "      output_path: /tmp/x\n"
                "      required_inputs: [data.npy]\n"
                "      auxiliary_files: [{local_path: a, container_path: b, required: false}]\n"
                "  during_training: {tools: []}\n"
                "  post_training: {tools: []}\n"
                "  deployment: {tools: []}\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_TRUE(any_contains(file->warnings, "p.yaml:7:60: 'config_script'"));
  EXPECT_TRUE(any_contains(file->warnings, "p.yaml:8:20: 'output_path'"));
  EXPECT_TRUE(any_contains(file->warnings, "p.yaml:9:24: 'required_inputs'"));
  EXPECT_TRUE(any_contains(file->warnings, "p.yaml:10:24: 'auxiliary_files'"));
}

TEST(InlineForm, ToolsOfTheFileItselfGoBeforeTheRegistry) {
  const auto file = load_with_tools(
      stages("[base]") + "\ntools:\n  base: {container: {image: i/own, command: own}}\n", kTools);
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(first_use(*file).tool.container.image, "i/own");
}

TEST(PipelineFile, DuplicateKeysWarnAndTheLastWins) {
  const auto file =
      load_text("dataset: {name: first}\n" + stages("[]") + "\nname: one\nname: two\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->name, "two");
  EXPECT_EQ(file->dataset.name, "d");
  EXPECT_TRUE(any_contains(
      file->warnings, "p.yaml:2:1: the key 'dataset' is given twice; this one wins over line 1"));
}

TEST(PipelineFile, UnknownKeysWarnUnlessTheyLookLikeASlip) {
  const auto ignored = load_text(stages("[]") + "\ncomment_of_mine: 1\nx-mine: 2\n");
  ASSERT_TRUE(ignored) << message_of(ignored);
  ASSERT_EQ(ignored->warnings.size(), 2u);
  EXPECT_TRUE(any_contains(ignored->warnings, "unknown key 'comment_of_mine'"));
  const auto slip = load_text(stages("[]") + "\nprioritty: 1\n");
  ASSERT_FALSE(slip);
  EXPECT_EQ(slip.error().hint, "did you mean 'priority'?");
}

TEST(PipelineFile, HeadKeysReachTheSubmission) {
  const auto file = load_text(
      "name: study\npriority: -3\npolicy: depth\nexpansion: one-per-stage\n" + stages("[]"));
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->expansion, Expansion::kOnePerStage);
  const auto submission = expand(*file, *file->expansion);
  ASSERT_TRUE(submission);
  EXPECT_EQ(submission->name, "study");
  EXPECT_EQ(submission->priority, -3);
  EXPECT_EQ(submission->policy, "depth");
  EXPECT_EQ(submission->dataset_variant, "clean");
  EXPECT_EQ(submission->model_name, "m.py");
  EXPECT_TRUE(submission->submission_id.empty());
}

TEST(PipelineFile, DatasetParamsBecomeCanonicalJson) {
  std::string text = stages("[]");
  text.replace(0, 18, "dataset: {name: d, variant: poisoned, params: {seed: 0x10, b: 1.0, a: x}}");
  const auto file = load_text(text);
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->dataset.variant, "poisoned");
  EXPECT_EQ(file->dataset.params, R"({"a":"x","b":1,"seed":16})");
}

TEST(Datasets, TheRegistryBesideTheFileChecksNameAndVariant) {
  const TempFolder folder;
  folder.write("datasets.yaml",
               "datasets:\n  d: {default_image: i, required_files: [data.npy, sub/x.npy], "
               "required_dirs: [images], "
               "variants: {clean: {image: i, labels: {a: b}}, poisoned: }}\n");
  const std::string path = folder.write("p.yaml", stages("[]"));
  const auto file = load(path);
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->dataset.required, (std::vector<std::string>{"data.npy", "sub/", "images/"}));
  EXPECT_TRUE(load(path, {.set = {"dataset.variant=poisoned"}}));
  const auto variant = load(path, {.set = {"dataset.variant=dirty"}});
  ASSERT_FALSE(variant);
  EXPECT_EQ(variant.error().hint, "use one of: clean, poisoned");
  EXPECT_EQ(variant.error().where, "--set dataset.variant");
  const auto name = load(path, {.set = {"dataset.name=e"}});
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().hint, "did you mean 'd'?");
}

TEST(Model, IsReadOnlyWhenAskedAndLookedForBesideTheFile) {
  const TempFolder folder;
  folder.write("models/net.py", "layers = 3\n");
  std::string text = stages("[]");
  text.replace(text.find("m.py"), 4, "models/net.py");
  const std::string path = folder.write("p.yaml", text);
  const auto planned = load(path);
  const auto submitted = load(path, {.read_model = true});
  ASSERT_TRUE(planned && submitted);
  EXPECT_TRUE(planned->model.content.empty());
  EXPECT_FALSE(any_contains(planned->warnings, "model"));
  EXPECT_EQ(submitted->model.content, "layers = 3\n");
  const auto submission = expand(*submitted, Expansion::kPermutations);
  ASSERT_TRUE(submission);
  EXPECT_EQ(submission->model_name, "net.py");
  EXPECT_EQ(submission->model_script, "layers = 3\n");
}

TEST(Model, AMissingScriptIsAWarningToPlanAndAnErrorToSubmit) {
  const TempFolder folder;
  const std::string path = folder.write("p.yaml", stages("[]"));
  const auto planned = load(path);
  ASSERT_TRUE(planned);
  EXPECT_TRUE(any_contains(planned->warnings, "p.yaml:2:17: the model script 'm.py'"));
  const auto submitted = load(path, {.read_model = true});
  ASSERT_FALSE(submitted);
  EXPECT_NE(submitted.error().where.find("p.yaml:2:17"), std::string::npos);
}

TEST(Model, ScriptsMustBeTextAndNoFolder) {
  const TempFolder folder;
  const std::string path = folder.write("p.yaml", stages("[]"));
  folder.write("m.py", "\xff\xfe");
  EXPECT_NE(message_of(load(path, {.read_model = true})).find("not UTF-8"), std::string::npos);
}

}  // namespace
}  // namespace landseer::pipeline
