/// Reads real files of the Landseer project, which are not part of this tree: LANDSEER_SAMPLES
/// names a folder with `inline`, `registry` and `registry-2026-01`.
#include <gtest/gtest.h>

#include <cstdlib>

#include "submitter/pipeline/expand.h"
#include "submitter/pipeline/registry.h"
#include "tests/unit/submitter/pipeline/temp_folder.h"

namespace landseer::pipeline {
namespace {

class Samples : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("LANDSEER_SAMPLES");
    if (folder == nullptr) {
      GTEST_SKIP() << "LANDSEER_SAMPLES is not set: it names the folder with real Landseer files";
    }
    folder_ = folder;
  }
  std::string at(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

TEST_F(Samples, TheInlineTradesFileHasItsReferenceCounts) {
  const auto file = load(at("inline/trades.yaml"));
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(count(*file, Expansion::kPermutations), (Counts{40, 176, 54, 0}));
  EXPECT_EQ(count(*file, Expansion::kOnePerStage), (Counts{24, 96, 38, 0}));
  EXPECT_TRUE(expand(*file, Expansion::kPermutations));
}

TEST_F(Samples, TheSmallestRegistryFileHas29TasksWithItsEvaluators) {
  const auto file =
      load(at("registry/mnist_lenet.yaml"), {.evaluators = at("registry/evaluators.yaml")});
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(count(*file, Expansion::kPermutations), (Counts{2, 8, 7, 22}));
  EXPECT_TRUE(any_contains(file->warnings, "evaluators.yaml:14:1: the key 'evaluators'"));
  const auto submission = expand(*file, Expansion::kPermutations);
  ASSERT_TRUE(submission);
  EXPECT_EQ(submission->tasks.size(), 29u);
  EXPECT_EQ(submission->name, "mnist_lenet");
}

TEST_F(Samples, TheEarlierRegistryFileHasItsReferenceCounts) {
  const auto file = load(at("registry-2026-01/dnn_watermarking_v2.yaml"));
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(count(*file, Expansion::kPermutations), (Counts{40, 176, 54, 0}));
  EXPECT_EQ(count(*file, Expansion::kOnePerStage), (Counts{24, 96, 38, 0}));
}

TEST_F(Samples, EveryRegistryLoads) {
  const auto tools = load_tools(at("registry/tools.yaml"));
  ASSERT_TRUE(tools) << tools.error().to_string();
  EXPECT_EQ(tools->registry.tools().size(), 34u);
  EXPECT_TRUE(load_tools(at("registry-2026-01/tools.yaml")));
  EXPECT_TRUE(load_datasets(at("registry/datasets.yaml")));
  const auto evaluators = load_evaluators(at("registry/evaluators.yaml"));
  ASSERT_TRUE(evaluators);
  EXPECT_EQ(evaluators->registry.size(), 11u);
}

}  // namespace
}  // namespace landseer::pipeline
