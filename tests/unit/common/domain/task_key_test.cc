#include "common/domain/task_key.h"

#include <gtest/gtest.h>

namespace landseer::domain {
namespace {

const ToolDefinition kTool{"noop", {"registry/pre_noop:v1", "python main.py", {}}, true};

TaskKey key(const ToolDefinition& tool, const Config& config = {},
            const std::vector<TaskKey>& dependencies = {}, const KeyContext& context = {},
            const TaskOptions& options = {}) {
  return make_task_key(tool, config.text(), options, context, dependencies);
}

TEST(TaskKey, IngredientsAreReadableAndCanonical) {
  KeyContext context;
  context.dataset_name = "digits";
  context.dataset_variant = "clean";
  EXPECT_EQ(key_ingredients(kTool, Config({{"stage", "pre_training"}}).text(), {}, context, {}),
            R"({"command":"python main.py","config":{"stage":"pre_training"},)"
            R"("dataset":{"name":"digits","params":{},"variant":"clean"},"dependencies":[],)"
            R"("env":{},"image":"registry/pre_noop:v1","model_script":"","runtime":null,)"
            R"("tool":"noop"})");
}

TEST(TaskKey, DependsOnEveryIngredient) {
  const TaskKey base = key(kTool);
  ToolDefinition changed = kTool;
  changed.name = "other";
  EXPECT_NE(key(changed), base);
  changed = kTool;
  changed.container.image = "registry/pre_noop:v2";
  EXPECT_NE(key(changed), base);
  changed = kTool;
  changed.container.command = "";
  EXPECT_NE(key(changed), base);
  changed = kTool;
  changed.container.runtime = "process";
  EXPECT_NE(key(changed), base);
  EXPECT_NE(key(kTool, Config({{"a", "b"}})), base);
  EXPECT_NE(key(kTool, {}, {base}), base);
  KeyContext context;
  context.dataset_name = "mnist";
  EXPECT_NE(key(kTool, {}, {}, context), base);
  context = {};
  context.model_script = sha256("def model(): pass");
  EXPECT_NE(key(kTool, {}, {}, context), base);
  TaskOptions options;
  options.env = R"({"A":"1"})";
  EXPECT_NE(key(kTool, {}, {}, {}, options), base);
}

TEST(TaskKey, IgnoresWhatDoesNotChangeTheWork) {
  TaskOptions options;
  options.resources.cpus_milli = 8000;
  options.retries = 5;
  options.timeout = std::chrono::minutes(1);
  EXPECT_EQ(key(kTool, {}, {}, {}, options), key(kTool));
  ToolDefinition other = kTool;
  other.is_baseline = false;
  EXPECT_EQ(key(other), key(kTool));
}

TEST(TaskKey, OrderOfDependenciesDoesNotMatter) {
  const TaskKey a = sha256("a");
  const TaskKey b = sha256("b");
  EXPECT_EQ(key(kTool, {}, {a, b}), key(kTool, {}, {b, a}));
}

TEST(TaskKey, TasksThatDifferOnlyUpstreamDiffer) {
  const TaskKey left = key(kTool, {}, {key(kTool, Config({{"x", "1"}}))});
  const TaskKey right = key(kTool, {}, {key(kTool, Config({{"x", "2"}}))});
  EXPECT_NE(left, right);
}

TEST(TaskKey, TextsCannotRunIntoEachOther) {
  ToolDefinition a = kTool;
  a.name = "x\",\"y";
  ToolDefinition b = kTool;
  b.name = "x";
  EXPECT_NE(key(a), key(b));
}

}  // namespace
}  // namespace landseer::domain
