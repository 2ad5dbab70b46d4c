#include "dashboard/gateway/critical_path.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "dashboard/gateway/views.h"

namespace landseer::gateway {
namespace {

using domain::TaskStatus;

class CriticalPathTest : public ::testing::Test {
 protected:
  /// Task n is of the tool `tool`, and needs those of these numbers.
  protocol::TaskRow& add(const std::string& tool, std::vector<std::uint64_t> needs = {},
                         std::uint8_t type = 1) {
    protocol::TaskRow row;
    row.task = TaskId{content_.tasks.size() + 1};
    row.tool = tool;
    row.type = type;
    row.status = static_cast<std::uint8_t>(TaskStatus::kPending);
    for (const std::uint64_t id : needs) row.dependencies.push_back(TaskId{id});
    content_.tasks.push_back(row);
    return content_.tasks.back();
  }
  void run(std::uint64_t task, std::int64_t from) {
    at(task).status = static_cast<std::uint8_t>(TaskStatus::kRunning);
    at(task).started_at = from;
  }
  void end(std::uint64_t task, std::int64_t from, std::int64_t to,
           TaskStatus status = TaskStatus::kCompleted) {
    at(task).status = static_cast<std::uint8_t>(status);
    at(task).started_at = from;
    at(task).finished_at = to;
  }
  protocol::TaskRow& at(std::uint64_t task) { return content_.tasks[task - 1]; }

  CriticalPath find(std::int64_t now = 0) {
    model_.fill(content_);
    return find_critical_path(model_, times_, now);
  }
  static std::vector<std::size_t> numbers(const CriticalPath& path) {
    std::vector<std::size_t> found;
    for (const auto& step : path.steps) found.push_back(step.task + 1);
    return found;
  }
  using Numbers = std::vector<std::size_t>;

  PipelineContent content_;
  PipelineModel model_{protocol::PipelineRow{}};
  ToolTimes times_{{"short", 1000}, {"long", 5000}, {"huge", 60'000}};
};

TEST_F(CriticalPathTest, IsTheLongestByTimeAndNotByNumber) {
  add("short");
  add("short", {1});
  add("short", {2});
  add("short", {3});
  add("long", {1});
  const CriticalPath path = find();
  EXPECT_EQ(numbers(path), (Numbers{1, 5}));
  EXPECT_EQ(path.remaining_ms, 6000);
  EXPECT_TRUE(path.is_measured);
}

TEST_F(CriticalPathTest, WhatRunsCountsByWhatIsLeftOfIt) {
  add("long");
  add("long");
  add("short", {1});
  add("short", {2});
  run(1, 1000);
  run(2, 3000);
  const CriticalPath path = find(5000);
  EXPECT_EQ(numbers(path), (Numbers{2, 4}));
  EXPECT_EQ(path.remaining_ms, 3000 + 1000);
  EXPECT_EQ(find(1'000'000).remaining_ms, 1000) << "late, but not less than nothing";
  EXPECT_EQ(numbers(find(1'000'000)), (Numbers{1, 3})) << "of equal ones the first";
}

TEST_F(CriticalPathTest, BeginsWithWhatItHadToWaitFor) {
  add("short");
  add("long");
  add("short", {1, 2});
  add("huge");
  add("short", {3, 4});
  end(1, 1, 1001);
  end(2, 1, 5001);
  end(4, 1, 900);
  const CriticalPath path = find(5001);
  EXPECT_EQ(numbers(path), (Numbers{2, 3, 5}));
  EXPECT_EQ(path.steps[0].remaining_ms, 0);
  EXPECT_EQ(path.remaining_ms, 2000);
}

TEST_F(CriticalPathTest, WhatWasInTheCacheTookNoTime) {
  add("huge").cached = true;
  end(1, 7, 7);
  add("short", {1});
  EXPECT_EQ(numbers(find()), (Numbers{2}));
}

TEST_F(CriticalPathTest, WhatWillNeverRunIsNotWaitedFor) {
  add("short");
  add("huge", {1});
  add("long");
  end(1, 1, 1001, TaskStatus::kFailed);
  at(2).status = static_cast<std::uint8_t>(TaskStatus::kSkipped);
  EXPECT_EQ(numbers(find()), (Numbers{3}));
}

TEST_F(CriticalPathTest, WhenAllIsOverItIsWhatEndedLast) {
  add("short");
  add("long", {1});
  add("huge");
  end(1, 1, 1001);
  end(2, 1001, 90'000);
  end(3, 1, 60'001);
  const CriticalPath path = find(100'000);
  EXPECT_EQ(numbers(path), (Numbers{1, 2}));
  EXPECT_EQ(path.remaining_ms, 0);
  EXPECT_TRUE(path.is_measured);
}

TEST_F(CriticalPathTest, OfNothingIsEmpty) {
  EXPECT_TRUE(find().steps.empty());
  add("huge").cached = true;
  end(1, 0, 7);
  EXPECT_TRUE(find().steps.empty());
}

TEST_F(CriticalPathTest, ToolsThatNobodyMeasuredTakeAsLongAsTheirStage) {
  add("short", {}, 1);
  add("huge", {}, 1);
  add("new", {}, 1);
  add("newer", {}, 2);
  add("long", {}, 3);
  const Expectations known(content_.tasks, times_);
  EXPECT_EQ(known.of(at(3)), 30'500);
  EXPECT_EQ(known.of(at(4)), 22'000) << "all of them, where its stage has none";
  EXPECT_FALSE(known.is_measured(at(3)));
  EXPECT_EQ(Expectations(content_.tasks, {}).of(at(1)), 1000);
  EXPECT_TRUE(find().is_measured) << "the longest is of measured ones";
  times_.clear();
  EXPECT_FALSE(find().is_measured);
}

/// Against a plain recursion, over graphs of any shape.
TEST_F(CriticalPathTest, NoOtherChainIsLonger) {
  std::uint64_t state = 7;
  const auto random = [&](std::uint64_t below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % below;
  };
  for (int round = 0; round < 200; ++round) {
    content_ = {};
    times_.clear();
    const std::uint64_t count = 1 + random(14);
    for (std::uint64_t i = 1; i <= count; ++i) {
      const std::string tool = "tool" + std::to_string(i);
      times_[tool] = static_cast<std::int64_t>(1 + random(100));
      std::vector<std::uint64_t> needs;
      for (std::uint64_t j = 1; j < i; ++j) {
        if (random(4) == 0) needs.push_back(j);
      }
      add(tool, needs);
    }
    std::map<std::uint64_t, std::int64_t> longest;  // up to and with this task
    std::int64_t most = 0;
    for (std::uint64_t i = 1; i <= count; ++i) {
      std::int64_t before = 0;
      for (const TaskId id : at(i).dependencies) before = std::max(before, longest[number(id)]);
      longest[i] = before + times_[at(i).tool];
      most = std::max(most, longest[i]);
    }
    const CriticalPath path = find();
    ASSERT_EQ(path.remaining_ms, most) << "round " << round;
    for (std::size_t i = 1; i < path.steps.size(); ++i) {
      const auto& needs = at(path.steps[i].task + 1).dependencies;
      EXPECT_TRUE(std::count(needs.begin(), needs.end(), TaskId{path.steps[i - 1].task + 1}) == 1);
    }
  }
}

TEST_F(CriticalPathTest, IsShownInOrder) {
  add("short");
  add("long", {1});
  run(1, 400);
  const CriticalPath path = find(500);
  const Json shown = critical_path_view(model_, path);
  EXPECT_EQ(shown["remaining_ms"], 5900);
  EXPECT_EQ(shown["tasks"][0]["status"], "running");
  EXPECT_EQ(shown["tasks"][0]["remaining_ms"], 900);
  EXPECT_EQ(shown["tasks"][1]["tool"], "long");
}

}  // namespace
}  // namespace landseer::gateway
