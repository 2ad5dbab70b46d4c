#include "submitter/pipeline/overrides.h"

#include <gtest/gtest.h>

#include "tests/unit/submitter/pipeline/temp_folder.h"

namespace landseer::pipeline {
namespace {

Result<PipelineFile> load_set(std::vector<std::string> settings) {
  return load_text("shared: &s {image: i}\n" +
                       inline_text({{2, true}, {1, true}, {0, false}, {0, false}}) +
                       "tools: {own: {container: *s}, other: {container: *s}}\n",
                   {.set = std::move(settings)});
}

TEST(Overrides, ReplaceAndAddValues) {
  const auto file = load_set({"dataset.variant=poisoned", "dataset.params.seed=7",
                              "defaults.timeout=5m", "defaults.resources.gpus=1", "name=other"});
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->dataset.variant, "poisoned");
  EXPECT_EQ(file->dataset.params, R"({"seed":7})");
  EXPECT_EQ(file->stages[0].tools[0].options.timeout, std::chrono::minutes(5));
  EXPECT_EQ(file->stages[0].tools[0].options.resources.gpus_milli, 1000u);
  EXPECT_EQ(file->name, "other");
}

TEST(Overrides, ReachIntoListsAndMayBeLists) {
  const auto file =
      load_set({"pipeline.pre_training.tools.1.retries=4", "pipeline.during_training.tools=[own]"});
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->stages[0].tools[0].options.retries, 0u);
  EXPECT_EQ(file->stages[0].tools[1].options.retries, 4u);
  EXPECT_EQ(file->stages[1].tools[0].key, "own");
}

TEST(Overrides, ChangeOnePlaceOfASharedValue) {
  const auto file =
      load_set({"tools.own.container.image=j", "pipeline.during_training.tools=[own, other]"});
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->stages[1].tools[0].tool.container.image, "j");
  EXPECT_EQ(file->stages[1].tools[1].tool.container.image, "i");
}

TEST(Overrides, UnknownKeysAreErrorsEvenFarFromAnyKnownOne) {
  const auto slip = load_set({"datset.variant=x"});
  ASSERT_FALSE(slip);
  EXPECT_EQ(slip.error().where, "--set datset.variant");
  EXPECT_EQ(slip.error().hint, "did you mean 'dataset'?");
  const auto far = load_set({"pipeline.pre_training.colour=red"});
  ASSERT_FALSE(far);
  EXPECT_EQ(far.error().where, "--set pipeline.pre_training.colour");
}

TEST(Overrides, BadSettingsAreErrorsThatNameThem) {
  for (const std::string bad : {"dataset.variant", "=x", ".a=x", "a..b=x", "dataset.name.x=1",
                                "pipeline.pre_training.tools.9.retries=1",
                                "pipeline.pre_training.tools.x=1", "defaults.timeout=never",
                                "name=[a", "tools.new.container.image=i", "defaults.retries=*x"}) {
    const auto file = load_set({bad});
    ASSERT_FALSE(file) << bad;
    EXPECT_EQ(file.error().code, ErrorCode::kInvalid) << bad;
    EXPECT_TRUE(file.error().where.starts_with("--set ")) << file.error().where;
    EXPECT_FALSE(file.error().hint.empty()) << bad;
  }
}

}  // namespace
}  // namespace landseer::pipeline
