#include "submitter/pipeline/registry.h"

#include <gtest/gtest.h>

#include "tests/unit/submitter/pipeline/temp_folder.h"

namespace landseer::pipeline {
namespace {

TEST(Registry, ToolsKeepTheOrderOfTheFile) {
  const TempFolder folder;
  const auto loaded = load_tools(folder.write("tools.yaml",
                                              "tools:\n"
                                              "  z: {container: {image: i/z, runtime: docker}}\n"
                                              "  a: {name: A, container: {image: ' i/a '}}\n"
                                              "  z: {container: {image: i/z2, runtime: auto}}\n"));
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  EXPECT_EQ(loaded->registry.keys(), (std::vector<std::string>{"z", "a"}));
  EXPECT_EQ(loaded->registry.find("z")->tool.container.image, "i/z2");
  EXPECT_EQ(loaded->registry.find("z")->tool.container.runtime, std::nullopt);
  EXPECT_EQ(loaded->registry.find("a")->tool.container.image, "i/a");
  EXPECT_EQ(loaded->registry.find("a")->tool.name, "A");
  EXPECT_EQ(loaded->registry.find("b"), nullptr);
  EXPECT_EQ(loaded->warnings.size(), 1u);
}

TEST(Registry, CommandsMayBeListsOfWords) {
  const TempFolder folder;
  const auto loaded = load_tools(folder.write(
      "tools.yaml", "tools: {a: {container: {image: i, command: [sh, -c, 'echo $HOME']}}}\n"));
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  EXPECT_EQ(loaded->registry.find("a")->tool.container.command, "sh -c 'echo $HOME'");
}

TEST(Registry, DatasetsKnowTheirVariants) {
  const TempFolder folder;
  const auto loaded = load_datasets(folder.write("datasets.yaml",
                                                 "datasets:\n"
                                                 "  d:\n"
                                                 "    default_image: \"\"\n"
                                                 "    source_artifacts_dir: /x\n"
                                                 "    required_dirs: [img]\n"
                                                 "    variants: {clean: {labels: {a: b}}}\n"));
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  const DatasetSpec& spec = loaded->registry.at("d");
  EXPECT_EQ(spec.required_dirs, std::vector<std::string>{"img"});
  EXPECT_EQ(spec.source_artifacts_dir, "/x");
  EXPECT_TRUE(spec.variants.contains("clean"));
  EXPECT_TRUE(loaded->warnings.empty());
}

TEST(Registry, AMissingFileIsNotFoundAndAFolderIsNoFile) {
  EXPECT_EQ(load_tools("/nonexistent/x.yaml").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(load_datasets("/").error().code, ErrorCode::kIo);
  EXPECT_FALSE(load_evaluators("/nonexistent/x.yaml").error().hint.empty());
}

TEST(ParseStage, KnowsTheSynonymsInAnyCase) {
  using domain::TaskType;
  for (const auto word : {"pre", "PRE_training", "pretrain", "pre_defense"}) {
    EXPECT_EQ(parse_stage(word), TaskType::kPreTraining) << word;
  }
  for (const auto word : {"during_training", "during", "in", "train", "Training", "in_training",
                          "in_defense", "during_defense"}) {
    EXPECT_EQ(parse_stage(word), TaskType::kInTraining) << word;
  }
  for (const auto word : {"post", "after", "posttrain", "post_defense", " post_training "}) {
    EXPECT_EQ(parse_stage(word), TaskType::kPostTraining) << word;
  }
  for (const auto word : {"deployment", "deploy", "inference", "deploy_defense"}) {
    EXPECT_EQ(parse_stage(word), TaskType::kDeployment) << word;
  }
  EXPECT_EQ(parse_stage("sometime"), std::nullopt);
}

}  // namespace
}  // namespace landseer::pipeline
