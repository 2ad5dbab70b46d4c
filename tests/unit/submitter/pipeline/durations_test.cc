#include "submitter/pipeline/durations.h"

#include <gtest/gtest.h>

#include "tests/unit/submitter/pipeline/temp_folder.h"

namespace landseer::pipeline {
namespace {

using namespace std::chrono_literals;

TEST(Durations, HaveATimeForEachToolOrForEachDevice) {
  const TempFolder folder;
  const auto loaded = load_durations(folder.write("d.yaml",
                                                  "clean: 90s\n"
                                                  "train: {A100: 1h, T4: 4h, output: 2MiB}\n"
                                                  "prune: {any: 10m, spread: 25%}\n"
                                                  "fine: {any: 10m, spread: 0.5}\n"));
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  const auto& all = loaded->registry;
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].tool, "clean");
  EXPECT_EQ(all[0].device, "");
  EXPECT_EQ(all[0].time, 90s);
  EXPECT_EQ(all[0].spread, 0);
  EXPECT_FALSE(all[0].output_bytes);
  EXPECT_EQ(all[1].device, "A100");
  EXPECT_EQ(all[2].device, "T4");
  EXPECT_EQ(all[2].time, 4h);
  EXPECT_EQ(all[2].output_bytes, 2u << 20);
  EXPECT_EQ(all[3].device, "");
  EXPECT_EQ(all[3].spread, 0.25);
  EXPECT_EQ(all[4].spread, 0.5);
}

TEST(Durations, ErrorsNameThePlace) {
  for (const auto& [text, part] :
       std::vector<std::pair<std::string, std::string>>{{"a: soon\n", "d.yaml:1:4"},
                                                        {"a: 1m\nb: [1m]\n", "d.yaml:2:4"},
                                                        {"a: {any: soon}\n", "duration"},
                                                        {"a: {spread: 10%}\n", "has no time"},
                                                        {"a: {any: 1m, spread: -1}\n", "spread"},
                                                        {"a: {any: 1m, spread: 10x}\n", "spread"},
                                                        {"a: {any: 1m, output: large}\n", "size"},
                                                        {"- a\n", "mapping"}}) {
    const TempFolder folder;
    const auto loaded = load_durations(folder.write("d.yaml", text));
    ASSERT_FALSE(loaded) << text;
    EXPECT_NE(loaded.error().to_string().find(part), std::string::npos)
        << loaded.error().to_string();
  }
  EXPECT_FALSE(load_durations("/nowhere/d.yaml"));
}

}  // namespace
}  // namespace landseer::pipeline
