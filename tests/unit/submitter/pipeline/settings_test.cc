#include "submitter/pipeline/settings.h"

#include <gtest/gtest.h>

#include "tests/unit/submitter/pipeline/temp_folder.h"

namespace landseer::pipeline {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

/// One pre-training tool from a registry; each level says what the test gives it.
struct Levels {
  std::string defaults{};
  std::string stage{};
  std::string tool{};
  std::string item{};
};

std::string as_entry(const std::string& settings) {
  return settings.empty() ? "" : ", " + settings;
}

Result<PipelineFile> load_levels(const Levels& levels) {
  const std::string text =
      std::string(kHead) + "defaults: {" + levels.defaults +
      "}\n"
      "pipeline:\n"
      "  pre_training: {tools: [{tool: t" +
      as_entry(levels.item) + "}]" + as_entry(levels.stage) +
      "}\n"
      "  during_training: {tools: []}\n  post_training: {tools: []}\n  deployment: {tools: []}\n";
  return load_with_tools(text,
                         "tools:\n  t: {container: {image: i}" + as_entry(levels.tool) + "}\n");
}

domain::TaskOptions options_of(const Levels& levels) {
  const auto file = load_levels(levels);
  EXPECT_TRUE(file) << message_of(file);
  if (!file) return {};
  return file->stages[0].tools.at(0).options;
}

TEST(Settings, AreThoseOfTheDomainWhenNobodySaysAnything) {
  EXPECT_EQ(options_of({}), domain::TaskOptions{});
}

TEST(Settings, TheMostSpecificPlaceWins) {
  Levels levels{.defaults = "timeout: 1m"};
  EXPECT_EQ(options_of(levels).timeout, minutes(1));
  levels.stage = "timeout: 2m";
  EXPECT_EQ(options_of(levels).timeout, minutes(2));
  levels.tool = "timeout: 3m";
  EXPECT_EQ(options_of(levels).timeout, minutes(3));
  levels.item = "timeout: 4m";
  EXPECT_EQ(options_of(levels).timeout, minutes(4));
}

TEST(Settings, RetriesFollowTheSamePrecedence) {
  EXPECT_EQ(options_of({.defaults = "retries: 1", .stage = "retries: 2"}).retries, 2u);
  EXPECT_EQ(options_of({.defaults = "retries: 1", .tool = "retries: 3"}).retries, 3u);
  EXPECT_EQ(options_of({.stage = "retries: 2", .tool = "retries: 3"}).retries, 3u);
  EXPECT_EQ(options_of({.stage = "retries: 2", .item = "retries: 0"}).retries, 0u);
}

TEST(Settings, ResourcesAreMergedOneByOne) {
  const auto options = options_of({.defaults = "resources: {cpus: 2, gpus: 1}",
                                   .stage = "resources: {memory: 4GiB}",
                                   .tool = "resources: {cpus: 0.5}",
                                   .item = "resources: {gpus: 0.25}"});
  EXPECT_EQ(options.resources.cpus_milli, 500u);
  EXPECT_EQ(options.resources.gpus_milli, 250u);
  EXPECT_EQ(options.resources.memory_bytes, std::uint64_t{4} << 30);
}

TEST(Settings, EnvironmentIsMergedByVariableInCanonicalOrder) {
  const auto options = options_of({.defaults = "env: {Z: last, A: general}",
                                   .tool = "env: {A: special, NUMBER: 1.50}",
                                   .item = "env: {EMPTY: }"});
  EXPECT_EQ(options.env, R"({"A":"special","EMPTY":"","NUMBER":"1.50","Z":"last"})");
}

TEST(Settings, TimeoutIsADurationOrSeconds) {
  EXPECT_EQ(options_of({.item = "timeout: 90"}).timeout, seconds(90));
  EXPECT_EQ(options_of({.item = "timeout: 1h30m"}).timeout, minutes(90));
}

TEST(Settings, InlineToolsSayThemInTheirOwnItem) {
  const auto file = load_text(
      std::string(kHead) +
      "defaults: {retries: 7}\n"
      "pipeline:\n"
      "  pre_training: {tools: [{name: a, container: {image: i}, retries: 1, config: {k: v}}]}\n"
      "  during_training: {tools: []}\n  post_training: {tools: []}\n  deployment: {tools: []}\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->stages[0].tools[0].options.retries, 1u);
  EXPECT_EQ(file->stages[0].tools[0].config.text(),
            R"({"k":"v","stage":"pre_training","tool_name":"a"})");
}

TEST(Settings, ReachTheSubmission) {
  const auto file = load_levels({.item = "timeout: 5m, retries: 2, resources: {gpus: 1}"});
  ASSERT_TRUE(file);
  const auto submission = expand(*file, Expansion::kPermutations);
  ASSERT_TRUE(submission);
  ASSERT_EQ(submission->options.size(), 1u);
  EXPECT_EQ(submission->options[0].timeout_ms, 300'000u);
  EXPECT_EQ(submission->options[0].retries, 2u);
  EXPECT_EQ(submission->options[0].gpus_milli, 1000u);
  EXPECT_EQ(submission->options[0].cpus_milli, 1000u);
}

TEST(Settings, DefaultsMayHoldPriorityAndPolicyAndTheTopLevelWins) {
  const auto below = load_levels({.defaults = "priority: 4, policy: depth"});
  ASSERT_TRUE(below) << message_of(below);
  EXPECT_EQ(below->priority, 4);
  EXPECT_EQ(below->policy, "depth");
  const auto file = load_text("priority: 9\ndefaults: {priority: 4}\nworkflows: []\n");
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_EQ(file->priority, 9);
}

TEST(Settings, PriorityOfAToolHasNoEffectAndSaysSo) {
  const auto file = load_levels({.tool = "priority: 4"});
  ASSERT_TRUE(file) << message_of(file);
  EXPECT_TRUE(any_contains(file->warnings, "'priority' of the tool 't' has no effect"));
}

TEST(Settings, ImpossibleValuesAreErrorsAtTheirPlace) {
  for (const std::string bad :
       {"timeout: soon", "timeout: 0", "timeout: -1s", "timeout: [1]", "retries: -1",
        "retries: 2.5", "retries: '2'", "retries: 100000", "resources: 4", "resources: {cpus: -1}",
        "resources: {cpus: 0}", "resources: {cpus: many}", "resources: {cpus: 0.0001}",
        "resources: {memory: 4XB}", "resources: {gpus: .inf}", "resources: {gpu: 1}", "env: [A]",
        "env: {1A: x}", "env: {A: [x]}"}) {
    const auto file = load_levels({.item = bad});
    ASSERT_FALSE(file) << bad;
    EXPECT_EQ(file.error().code, ErrorCode::kInvalid) << bad;
    EXPECT_NE(file.error().where.find("p.yaml:5:"), std::string::npos) << file.error().where;
    EXPECT_FALSE(file.error().hint.empty()) << bad;
  }
}

TEST(Settings, EveryKindOfResourceIsRead) {
  const auto options = options_of(
      {.tool = "time_estimate: 30m, resources: {gpus: 1, gpu_model: a100, scratch: 20GiB, "
               "licence_x: 2, labels: {zone: [b, a], rack: {not: 3}, ssd: {exists: true}, "
               "old: {exists: false}}}"});
  EXPECT_EQ(options.time_estimate, minutes(30));
  const auto& request = options.resources;
  EXPECT_EQ(request.gpu_model, "a100");
  EXPECT_EQ(request.scratch_bytes, 20ull << 30);
  EXPECT_EQ(request.named, (std::vector<domain::NamedAmount>{{"licence_x", 2}}));
  using domain::LabelRelation;
  EXPECT_EQ(request.labels,
            (std::vector<domain::LabelRule>{{"old", LabelRelation::kAbsent, {}},
                                            {"rack", LabelRelation::kNoneOf, {"3"}},
                                            {"ssd", LabelRelation::kExists, {}},
                                            {"zone", LabelRelation::kOneOf, {"a", "b"}}}));
}

TEST(Settings, LabelsAndNamedResourcesAreMergedAndCanBeLifted) {
  const auto request =
      options_of({.defaults = "resources: {labels: {zone: a, rack: 1}, x: 2, y: 1}",
                  .item = "resources: {labels: {rack: }, x: 0, y: 3}"})
          .resources;
  EXPECT_EQ(request.labels,
            (std::vector<domain::LabelRule>{{"zone", domain::LabelRelation::kOneOf, {"a"}}}));
  EXPECT_EQ(request.named, (std::vector<domain::NamedAmount>{{"y", 3}}));
}

TEST(Settings, TheMostSpecificRuntimeWins) {
  const auto runtime_of = [](const Levels& levels) {
    const auto file = load_levels(levels);
    EXPECT_TRUE(file) << message_of(file);
    return file ? file->stages[0].tools.at(0).tool.container.runtime.value_or("-") : "";
  };
  Levels levels{.defaults = "resources: {runtime: podman}"};
  EXPECT_EQ(runtime_of(levels), "podman");
  levels.tool = "resources: {runtime: docker}";
  EXPECT_EQ(runtime_of(levels), "docker");
  levels.item = "resources: {runtime: auto}";
  EXPECT_EQ(runtime_of(levels), "-");
}

TEST(Settings, WrongResourcesAreNamedWithTheirPlaceAndTheFix) {
  const auto message = [](const std::string& resources) {
    return message_of(load_levels({.tool = "resources: {" + resources + "}"}));
  };
  EXPECT_NE(message("scrach: 1GiB").find("did you mean 'scratch'?"), std::string::npos);
  EXPECT_NE(message("scratch: much").find("'much' is not a size of disk"), std::string::npos);
  EXPECT_NE(message("licence_x: lots").find("'licence_x' of 'resources' must be a whole number"),
            std::string::npos);
  EXPECT_NE(message("licence_x: lots").find(":"), std::string::npos);
  EXPECT_NE(message("\"a b\": 1").find("cannot name a resource"), std::string::npos);
  EXPECT_NE(message("labels: {zone: {}}").find("the label 'zone' has no rule"), std::string::npos);
  EXPECT_NE(message("labels: {zone: {not: a, exists: true}}").find("write a value, a list"),
            std::string::npos);
  EXPECT_NE(message("runtime: podmann").find("did you mean 'podman'?"), std::string::npos);
  EXPECT_NE(message_of(load_levels({.tool = "time_estimate: soon"}))
                .find("'soon' is not an estimate of time"),
            std::string::npos);
}

}  // namespace
}  // namespace landseer::pipeline
