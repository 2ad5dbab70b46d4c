#include "submitter/cli/what_if.h"

#include <gtest/gtest.h>

#include "submitter/cli/forecast_source.h"

namespace landseer::cli {
namespace {

std::vector<WorkerGroup> parsed(const std::string& text) {
  const auto groups = parse_workers(text);
  EXPECT_TRUE(groups) << text;
  return groups ? *groups : std::vector<WorkerGroup>{};
}

TEST(WhatIf, GroupsAreReadAsTheyAreWritten) {
  EXPECT_EQ(parsed("8xA100"), (std::vector<WorkerGroup>{{8, "A100", 1, 0, 0, 0}}));
  EXPECT_EQ(parsed("1xRTX 3090,4xcpu:cpus=2:memory=1GiB"),
            (std::vector<WorkerGroup>{{1, "RTX 3090", 1, 0, 0, 0}, {4, "", 1, 2000, 1 << 30, 0}}));
  EXPECT_EQ(parsed("2xT4:gpus=4:gpu_memory=16K"),
            (std::vector<WorkerGroup>{{2, "T4", 4, 0, 0, 16 * 1024}}));
}

TEST(WhatIf, WhatIsWrongIsNamed) {
  for (const auto& [text, part] :
       std::vector<std::pair<std::string, std::string>>{{"", "is no group"},
                                                        {"A100", "is no group"},
                                                        {"8x", "is no group"},
                                                        {"8xA100,", "is no group"},
                                                        {"0xA100", "from 1 to 5000"},
                                                        {"-1xA100", "from 1 to 5000"},
                                                        {"5001xA100", "from 1 to 5000"},
                                                        {"4000xA100,4000xT4", "8000 workers"},
                                                        {"1xA100:gpus=0", "gpus=0"},
                                                        {"1xA100:speed=2", "speed=2"},
                                                        {"1xcpu:gpus=2", "gpus=2"},
                                                        {"1xcpu:memory=lots", "memory=lots"}}) {
    const auto groups = parse_workers(text);
    ASSERT_FALSE(groups) << text;
    EXPECT_EQ(groups.error().code, ErrorCode::kInvalid);
    EXPECT_NE(groups.error().message.find(part), std::string::npos) << groups.error().message;
    EXPECT_FALSE(groups.error().hint.empty());
  }
}

TEST(WhatIf, WorkersOfferWhatThePipelineAsksFor) {
  protocol::Submission pipeline;
  pipeline.dataset_name = "digits";
  pipeline.tools.push_back({"a", "image", "", "podman", false});
  const auto offers = offers_of(parsed("2xA100:gpus=2,1xcpu"), pipeline);
  ASSERT_EQ(offers.size(), 3u);
  EXPECT_EQ(offers[0].gpus.size(), 2u);
  EXPECT_EQ(offers[0].cpus_milli, 2 * kCpusMilli);
  EXPECT_EQ(offers[2].cpus_milli, kCpusMilli);
  EXPECT_TRUE(offers[2].gpus.empty());
  EXPECT_EQ(offers[1].datasets.at(0).name, "digits");
  EXPECT_EQ(offers[0].runtimes, (std::vector<std::string>{"podman", "process"}));
  EXPECT_NE(offers[0].uid, offers[1].uid);
}

TEST(ForecastSource, WhatTheUserSaysGoesBeforeWhatWasLearned) {
  std::vector<forecast::ToolTime> times{
      {"a", "A100", 10, 5, 1.0, {}}, {"a", "T4", 20, 5, 1.0, {}}, {"b", "cpu", 30, 5, 1.0, {}}};
  apply_durations({{"a", "T4", std::chrono::seconds(7), 0.5, 100}}, times);
  ASSERT_EQ(times.size(), 3u);
  EXPECT_EQ(times[0].device, "A100");
  EXPECT_EQ(times[2].mean_ms, 7000);
  EXPECT_EQ(times[2].samples, 0u);
  EXPECT_EQ(times[2].spread_ms, 3500);
  EXPECT_EQ(times[2].mean_bytes, 100);
  apply_durations({{"a", "", std::chrono::seconds(1), 0, {}}}, times);
  ASSERT_EQ(times.size(), 2u);
  EXPECT_EQ(times[0].tool, "b");
  EXPECT_EQ(times[1].device, "");
}

TEST(ForecastSource, TheFirstWorkflowIsCompleteWhenItsLastTaskIs) {
  const auto task = [](domain::TaskStatus status, std::vector<std::uint32_t> workflows,
                       std::int64_t at) {
    protocol::GraphTask row;
    row.status = static_cast<std::uint8_t>(status);
    row.workflows = std::move(workflows);
    row.finished_at = at;
    return row;
  };
  using domain::TaskStatus;
  std::vector<protocol::GraphTask> graph{
      task(TaskStatus::kCompleted, {0, 1, 2}, 1000), task(TaskStatus::kCompleted, {0}, 5000),
      task(TaskStatus::kCompleted, {1}, 4000), task(TaskStatus::kFailed, {2}, 0)};
  EXPECT_EQ(first_workflow_at(graph, 3, 500), 4000);
  graph[1].status = graph[2].status = static_cast<std::uint8_t>(TaskStatus::kRunning);
  EXPECT_EQ(first_workflow_at(graph, 3, 500), 0);
  // From the cache: there was no attempt, and it was complete at once.
  EXPECT_EQ(first_workflow_at({task(TaskStatus::kCompleted, {0}, 0)}, 1, 500), 500);
}

}  // namespace
}  // namespace landseer::cli
