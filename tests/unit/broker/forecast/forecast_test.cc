#include "broker/forecast/forecast.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "broker/forecast/draws.h"
#include "tests/support/broker_harness.h"

namespace landseer::forecast {
namespace {

using domain::TaskStatus;

protocol::Submission chains(const std::string& text) {
  protocol::Submission s = broker::testing::BrokerHarness::chains(text);
  s.policy = "landseer";
  return s;
}

std::vector<protocol::Hello> workers(std::uint32_t count, std::uint32_t cpus = 1,
                                     const std::string& gpu = "") {
  std::vector<protocol::Hello> all;
  for (std::uint32_t i = 0; i < count; ++i) {
    protocol::Hello& hello = all.emplace_back();
    hello.uid = hello.name = "w" + std::to_string(i);
    hello.instance = 1;
    hello.cpus_milli = 1000 * cpus;
    hello.memory_bytes = std::uint64_t{1} << 40;
    hello.runtimes = {"process"};
    if (!gpu.empty()) hello.gpus = {{0, gpu, std::uint64_t{1} << 34}};
  }
  return all;
}

/// Exactly so long on every device.
ToolTime exactly(const std::string& tool, double mean_ms, std::optional<double> bytes = {}) {
  return {tool, "", mean_ms, 0, 0.0, bytes};
}

Question question(const protocol::Submission& s, std::uint32_t workers_count,
                  std::vector<ToolTime> times) {
  Question asked;
  asked.workers = workers(workers_count);
  asked.times = std::move(times);
  asked.parts = {{s, std::vector<TaskState>(s.tasks.size())}};
  return asked;
}

Answer answer(const Question& asked) {
  const auto got = forecast(asked);
  EXPECT_TRUE(got) << got.error().to_string();
  return got ? *got : Answer{};
}

void expect_exactly(const Range& range, double value) {
  EXPECT_DOUBLE_EQ(range.low, value);
  EXPECT_DOUBLE_EQ(range.median, value);
  EXPECT_DOUBLE_EQ(range.high, value);
}

TEST(Forecast, OneWorkerDoesOneTaskAfterTheOther) {
  const Answer a = answer(question(
      chains("a b\na c"), 1, {exactly("a", 10'000), exactly("b", 30'000), exactly("c", 20'000)}));
  EXPECT_EQ(a.runs, 1u);  // without any spread
  expect_exactly(a.finish, 60'000);
  expect_exactly(*a.first_workflow, 40'000);
  EXPECT_DOUBLE_EQ(*a.mean_workflow_ms, 50'000);
  EXPECT_DOUBLE_EQ(a.cpu_hours, 60.0 / 3600);
  EXPECT_DOUBLE_EQ(a.gpu_hours, 0);
  EXPECT_DOUBLE_EQ(a.cpu_utilisation, 1);
  EXPECT_FALSE(a.gpu_utilisation);
  EXPECT_EQ(a.peak_live, 1);
  EXPECT_TRUE(a.assumptions.empty());
}

TEST(Forecast, TwoWorkersShareTheWork) {
  const Answer a = answer(question(
      chains("a b\na c\na d"), 2,
      {exactly("a", 10'000), exactly("b", 30'000), exactly("c", 20'000), exactly("d", 30'000)}));
  expect_exactly(a.finish, 60'000);
  expect_exactly(*a.first_workflow, 30'000);
  EXPECT_DOUBLE_EQ(*a.mean_workflow_ms, (30'000 + 40'000 + 60'000) / 3.0);
  EXPECT_DOUBLE_EQ(a.cpu_utilisation, 90.0 / 120);
}

/// Once the first is complete, nothing else is waited for: what runs is stopped.
TEST(Forecast, EndsWhenEnoughWorkflowsAreComplete) {
  auto s = chains("a b\na c\nd");
  s.stop_after = 1;
  const std::vector<ToolTime> times = {exactly("a", 10'000), exactly("b", 30'000),
                                       exactly("c", 20'000), exactly("d", 100'000)};
  const Answer a = answer(question(s, 3, times));
  expect_exactly(a.finish, 30'000);
  expect_exactly(*a.first_workflow, 30'000);
  EXPECT_DOUBLE_EQ(a.cpu_hours, (10.0 + 20 + 20 + 30) / 3600) << "b and d were stopped";
  EXPECT_TRUE(a.unrunnable.empty()) << "b and d are not wanted any more";
  EXPECT_EQ(a.stop_after, 1u);
  s.stop_after = 2;
  expect_exactly(answer(question(s, 3, times)).finish, 40'000);
  s.stop_after = 3;
  expect_exactly(answer(question(s, 3, times)).finish, 100'000);
}

TEST(Forecast, WhatIsCompleteAlreadyCountsForStopAfter) {
  auto s = chains("a b\na c\nd");
  s.stop_after = 2;
  Question asked = question(
      s, 3,
      {exactly("a", 10'000), exactly("b", 30'000), exactly("c", 20'000), exactly("d", 100'000)});
  for (std::size_t i = 0; i < s.tasks.size(); ++i) {
    const std::string& tool = s.tools[s.tasks[i].tool].name;
    if (tool == "a" || tool == "c") asked.parts[0].so_far[i].status = TaskStatus::kCompleted;
  }
  const Answer a = answer(asked);
  expect_exactly(a.finish, 30'000);
  EXPECT_DOUBLE_EQ(a.cpu_hours, 60.0 / 3600) << "d is stopped when b is complete";
}

TEST(Forecast, APipelineThatHasEnoughLeavesItsWorkersToOthers) {
  auto first = chains("a\nd");
  first.stop_after = 1;
  Question asked = question(
      first, 1,
      {exactly("a", 10'000), exactly("b", 30'000), exactly("c", 20'000), exactly("d", 100'000)});
  const auto second = chains("b c");
  asked.parts.push_back({second, std::vector<TaskState>(second.tasks.size())});
  asked.about = 1;
  expect_exactly(answer(asked).finish, 60'000);
}

TEST(Forecast, TheLeastThatStopAfterTakesIsThatOfTheShortestWorkflows) {
  auto s = chains("a b\na c\nd");
  s.stop_after = 1;
  const Question asked = question(
      s, 1,
      {exactly("a", 10'000), exactly("b", 30'000), exactly("c", 20'000), exactly("d", 100'000)});
  const auto least = forecast(asked, [](double) { return false; });
  ASSERT_TRUE(least);
  EXPECT_EQ(least->runs, 0u);
  expect_exactly(least->finish, 30'000);
}

/// List scheduling as a textbook has it, with the order of `landseer`.
struct ByHand {
  const protocol::Submission& s;
  std::vector<std::int64_t> ms;
  std::vector<std::int64_t> ends;

  bool is_better(std::size_t a, std::size_t b) const {
    const auto rank = [&](std::size_t task) {
      std::int64_t usage = 0;
      for (const auto& workflow : s.workflows) {
        usage += std::count(workflow.tasks.begin(), workflow.tasks.end(), task);
      }
      return 1000 * static_cast<std::int64_t>(s.tasks[task].dependencies.size()) - usage;
    };
    return std::pair(rank(a), place(a)) < std::pair(rank(b), place(b));
  }
  /// Workflows in order, then tasks in each.
  std::size_t place(std::size_t task) const {
    std::size_t at = 0;
    for (const auto& workflow : s.workflows) {
      for (const std::uint32_t each : workflow.tasks) {
        if (each == task) return at;
        ++at;
      }
    }
    return at;
  }
  void run(std::size_t machines) {
    ends.assign(s.tasks.size(), -1);
    std::multiset<std::int64_t> free;
    for (std::size_t i = 0; i < machines; ++i) free.insert(0);
    std::set<std::size_t> left;
    for (std::size_t i = 0; i < s.tasks.size(); ++i) left.insert(i);
    while (!left.empty()) {
      std::int64_t now = *free.begin();
      free.erase(free.begin());
      const auto ready_at = [&](std::size_t task) {
        std::int64_t at = 0;
        for (const std::uint32_t before : s.tasks[task].dependencies) {
          if (ends[before] < 0) return std::numeric_limits<std::int64_t>::max();
          at = std::max(at, ends[before]);
        }
        return at;
      };
      std::int64_t next = std::numeric_limits<std::int64_t>::max();
      for (const std::size_t task : left) next = std::min(next, ready_at(task));
      now = std::max(now, next);
      std::optional<std::size_t> best;
      for (const std::size_t task : left) {
        if (ready_at(task) <= now && (!best || is_better(task, *best))) best = task;
      }
      ends[*best] = now + ms[*best];
      free.insert(ends[*best]);
      left.erase(*best);
    }
  }
};

/// A tool for each task, so that each has a time of its own; no two ends coincide.
protocol::Submission random_pipeline(std::uint64_t seed, std::vector<ToolTime>& times,
                                     std::vector<std::int64_t>& ms) {
  const auto random = [&](std::uint64_t what, std::uint64_t below) {
    return name_of(seed, what) % below;
  };
  std::string text;
  for (std::uint64_t w = 0; w < 3 + random(1, 4); ++w) {
    for (std::uint64_t level = 0; level < 1 + random(10 + w, 4); ++level) {
      text += (level > 0 ? " t" : "t") + std::to_string(level) +
              std::to_string(random(100 + 10 * w + level, 3));
    }
    text += "\n";
  }
  protocol::Submission s = chains(text);
  const auto known = s.tools;
  s.tools.clear();
  for (std::uint32_t i = 0; i < s.tasks.size(); ++i) {
    s.tools.push_back(known[s.tasks[i].tool]);
    s.tools.back().name = "tool-" + std::to_string(i);
    s.tasks[i].tool = i;
    ms.push_back(
        static_cast<std::int64_t>(2'000 + (1ull << (i % 12)) + 7'919 * random(500 + i, 97)));
    times.push_back(exactly(s.tools.back().name, static_cast<double>(ms.back())));
  }
  return s;
}

TEST(Forecast, IsListSchedulingWhenAllTimesAreKnown) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::vector<ToolTime> times;
    std::vector<std::int64_t> ms;
    const protocol::Submission s = random_pipeline(seed, times, ms);
    const std::uint32_t machines = 1 + static_cast<std::uint32_t>(seed % 3);
    ByHand expected{s, ms, {}};
    expected.run(machines);
    std::vector<std::int64_t> workflows;
    for (const auto& workflow : s.workflows) {
      std::int64_t end = 0;
      for (const std::uint32_t task : workflow.tasks) end = std::max(end, expected.ends[task]);
      workflows.push_back(end);
    }
    const Answer a = answer(question(s, machines, times));
    expect_exactly(a.finish,
                   static_cast<double>(*std::max_element(workflows.begin(), workflows.end())));
    expect_exactly(*a.first_workflow,
                   static_cast<double>(*std::min_element(workflows.begin(), workflows.end())));
    EXPECT_NEAR(
        *a.mean_workflow_ms,
        static_cast<double>(std::accumulate(workflows.begin(), workflows.end(), std::int64_t{0})) /
            static_cast<double>(workflows.size()),
        1e-6)
        << "seed " << seed;
    if (HasFailure()) return;
  }
}

TEST(Forecast, OnlyWhatRemainsCounts) {
  Question asked = question(chains("a b\na c"), 1,
                            {exactly("a", 10'000), exactly("b", 30'000), exactly("c", 20'000)});
  auto& so_far = asked.parts[0].so_far;
  so_far[0].status = TaskStatus::kCompleted;
  so_far[1].status = TaskStatus::kRunning;
  so_far[1].ran_ms = 12'000;
  Answer a = answer(asked);
  expect_exactly(a.finish, 38'000);
  expect_exactly(*a.first_workflow, 18'000);
  EXPECT_DOUBLE_EQ(a.cpu_hours, 38.0 / 3600);
  so_far[1].status = TaskStatus::kCompleted;
  a = answer(asked);
  expect_exactly(a.finish, 20'000);
  expect_exactly(*a.first_workflow, 20'000);  // the next one: one is complete already
  so_far[2].status = TaskStatus::kCompleted;
  a = answer(asked);
  expect_exactly(a.finish, 0);
  EXPECT_FALSE(a.first_workflow);
}

TEST(Forecast, WorkflowsThatCannotBecomeCompleteDoNotCount) {
  Question asked = question(
      chains("a b c\na d"), 1,
      {exactly("a", 10'000), exactly("b", 30'000), exactly("c", 5'000), exactly("d", 20'000)});
  auto& so_far = asked.parts[0].so_far;
  so_far[0].status = TaskStatus::kCompleted;
  so_far[1].status = TaskStatus::kFailed;
  so_far[2].status = TaskStatus::kSkipped;
  const Answer a = answer(asked);
  expect_exactly(a.finish, 20'000);
  EXPECT_DOUBLE_EQ(*a.mean_workflow_ms, 20'000);
  EXPECT_DOUBLE_EQ(a.cpu_hours, 20.0 / 3600);
}

TEST(Forecast, WhatDoesNotFitTogetherIsTakenForWhatItCanBe) {
  Question asked = question(
      chains("a b c\na d"), 1,
      {exactly("a", 10'000), exactly("b", 30'000), exactly("c", 5'000), exactly("d", 20'000)});
  auto& so_far = asked.parts[0].so_far;
  // The pages were read while it went on: c is completed, what is above it not yet.
  so_far[1].status = TaskStatus::kRunning;
  so_far[2].status = TaskStatus::kCompleted;
  expect_exactly(answer(asked).finish, 65'000);
  so_far[0].status = TaskStatus::kCancelled;
  const Answer over = answer(asked);
  expect_exactly(over.finish, 0);
  EXPECT_TRUE(over.unrunnable.empty());
  so_far.pop_back();
  EXPECT_FALSE(forecast(asked));
}

TEST(Forecast, ARunningTaskThatIsOverdueMayEndAtAnyMoment) {
  Question asked = question(chains("a b"), 1, {exactly("a", 10'000), exactly("b", 30'000)});
  asked.parts[0].so_far[0] = {TaskStatus::kRunning, 0, 500'000, 0};
  expect_exactly(answer(asked).finish, 31'000);
}

TEST(Forecast, ARunningTaskStaysOnItsWorkerAlsoOnOneThatTakesNoMore) {
  Question asked = question(chains("a\nb"), 1, {exactly("a", 10'000), exactly("b", 30'000)});
  protocol::Hello away;
  away.uid = away.name = "away";
  away.instance = 1;
  asked.workers.push_back(away);
  asked.parts[0].so_far[0] = {TaskStatus::kRunning, 1, 4'000, 0};
  const Answer a = answer(asked);
  expect_exactly(a.finish, 30'000);
  expect_exactly(*a.first_workflow, 6'000);
}

TEST(Forecast, PeakBytesAreThoseOfResultsThatMustBeKept) {
  Question asked = question(chains("a b c\na d"), 1,
                            {exactly("a", 10'000, 100.0), exactly("b", 10'000, 40.0),
                             exactly("c", 10'000, 7.0), exactly("d", 10'000, 3.0)});
  // a b c d: a stays until c and d have read it, b until c has; the ends of workflows stay.
  Answer a = answer(asked);
  EXPECT_DOUBLE_EQ(*a.peak_bytes, 147);
  EXPECT_TRUE(a.unknown_sizes.empty());
  asked.times[1].mean_bytes.reset();
  a = answer(asked);
  EXPECT_DOUBLE_EQ(*a.peak_bytes, 110);
  EXPECT_EQ(a.unknown_sizes, (std::vector<std::string>{"b"}));
  for (ToolTime& time : asked.times) time.mean_bytes.reset();
  EXPECT_FALSE(answer(asked).peak_bytes);
}

TEST(Forecast, UnknownToolsAreLikeThoseOfTheirStageAndItIsSaid) {
  protocol::Submission s = chains("a x\nb x\nz x");
  for (auto& task : s.tasks) task.type = task.dependencies.empty() ? 1 : 2;
  Question asked = question(s, 1, {exactly("a", 10'000), exactly("b", 30'000)});
  const Answer a = answer(asked);
  ASSERT_EQ(a.assumptions.size(), 2u);
  EXPECT_EQ(a.assumptions[0], (Assumption{"x", "cpu", 20'000, Source::kAll}));
  EXPECT_EQ(a.assumptions[1], (Assumption{"z", "cpu", 20'000, Source::kStage}));
  EXPECT_GT(a.finish.high, a.finish.low);  // a guess is not a measurement
}

TEST(Forecast, ATimeOfAnotherDeviceStandsInAndItIsSaid) {
  protocol::Submission s = chains("a\nb");
  s.options[0].gpus_milli = 1000;
  Question asked = question(
      s, 1, {{"a", "NVIDIA A100-SXM4-40GB", 10'000, 0, 0.0, {}}, {"b", "T4", 40'000, 0, 0.0, {}}});
  asked.workers = workers(1, 8, "A100");
  const Answer a = answer(asked);
  ASSERT_EQ(a.assumptions.size(), 1u);
  EXPECT_EQ(a.assumptions[0], (Assumption{"b", "A100", 40'000, Source::kOtherDevice}));
  EXPECT_DOUBLE_EQ(*a.gpu_utilisation, 1);
}

TEST(Forecast, NothingIsSaidWhenNothingIsKnown) {
  const auto got = forecast(question(chains("a b"), 1, {exactly("other", 1000)}));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kNotFound);
  EXPECT_NE(got.error().hint.find("--durations"), std::string::npos);
  EXPECT_FALSE(forecast(question(chains("a b"), 0, {exactly("a", 1000)})));
}

TEST(Forecast, ADataSetThatIsStillLookedAtIsThere) {
  protocol::Submission s = chains("a");
  s.dataset_name = "digits";
  s.dataset_variant = "clean";
  Question asked = question(s, 2, {exactly("a", 10'000)});
  EXPECT_EQ(answer(asked).unrunnable, (std::vector<std::string>{"a"}));
  asked.workers[0].datasets = {{"digits", "", {}, {}}};
  asked.workers[1].datasets = {{"digits", "", sha256("content"), {}}};
  expect_exactly(answer(asked).finish, 10'000);
}

TEST(Forecast, WhatNoWorkerCanRunIsNamed) {
  protocol::Submission s = chains("a b\nc");
  s.options.push_back(s.options[0]);
  s.options[1].gpus_milli = 1000;
  s.tasks[1].options = 1;
  const Answer a =
      answer(question(s, 1, {exactly("a", 10'000), exactly("b", 10'000), exactly("c", 10'000)}));
  EXPECT_EQ(a.unrunnable, (std::vector<std::string>{"b"}));
  expect_exactly(a.finish, 20'000);
}

TEST(Forecast, TasksThatRunIntoTheirTimeLimitAreNamed) {
  protocol::Submission s = chains("a b");
  s.options[0].timeout_ms = 20'000;
  const Answer a = answer(question(s, 1, {exactly("a", 10'000), exactly("b", 30'000)}));
  EXPECT_EQ(a.over_limit, (std::vector<std::string>{"b"}));
  expect_exactly(a.finish, 30'000);
}

TEST(Forecast, EvenAgesComeToAnEnd) {
  std::string deep = "a";
  for (int i = 0; i < 60; ++i) deep += " x" + std::to_string(i);
  protocol::Submission s = chains(deep);
  s.options[0].timeout_ms = 365ull * 86'400'000;
  std::vector<ToolTime> times{exactly("a", 1e15)};
  for (int i = 0; i < 60; ++i) times.push_back(exactly("x" + std::to_string(i), 1e15));
  const Answer a = answer(question(s, 1, times));
  EXPECT_GT(a.finish.median, 1e12);  // 61 years were asked for, and time ends after forty
  EXPECT_TRUE(a.unrunnable.empty());
}

TEST(Forecast, ASpreadMakesARangeAndTheSeedDecides) {
  std::vector<ToolTime> times{exactly("a", 10'000), exactly("b", 30'000), exactly("c", 20'000)};
  for (ToolTime& time : times) time.spread_ms = time.mean_ms / 5, time.samples = 8;
  Question asked = question(chains("a b\na c\nb a\nc b a"), 2, times);
  const Answer one = answer(asked);
  EXPECT_EQ(one.runs, 40u);
  EXPECT_FALSE(one.cut_off);
  EXPECT_LT(one.finish.low, one.finish.median);
  EXPECT_LT(one.finish.median, one.finish.high);
  EXPECT_DOUBLE_EQ(answer(asked).finish.median, one.finish.median);
  asked.seed = 2;
  EXPECT_NE(answer(asked).finish.median, one.finish.median);
  // Known exactly, it takes 90 s; its sum hardly varies.
  asked.seed = 1;
  for (ToolTime& time : asked.times) time.spread_ms = 0.0;
  EXPECT_NEAR(one.finish.median, answer(asked).finish.median, 15'000);
}

TEST(Forecast, PipelinesBeforeItAreInItsWay) {
  Question asked = question(chains("b"), 1, {exactly("a", 10'000), exactly("b", 30'000)});
  expect_exactly(answer(asked).finish, 30'000);
  const protocol::Submission other = chains("a");
  asked.parts.insert(asked.parts.begin(), {other, std::vector<TaskState>(1)});
  asked.about = 1;
  expect_exactly(answer(asked).finish, 40'000);
  asked.about = 0;
  expect_exactly(answer(asked).finish, 10'000);
  asked.about = 1;
  asked.parts[1].submission.priority = 5;
  expect_exactly(answer(asked).finish, 30'000);
}

TEST(Forecast, ThePolicyCounts) {
  const std::string product =
      "a1 b1 c1\na1 b1 c2\na1 b2 c1\na1 b2 c2\na2 b1 c1\na2 b1 c2\na2 b2 c1";
  std::vector<ToolTime> times;
  for (const char* tool : {"a1", "a2", "b1", "b2", "c1", "c2"})
    times.push_back(exactly(tool, 60'000));
  Question asked = question(chains(product), 1, times);
  const Answer landseer = answer(asked);
  asked.parts[0].submission.policy = "finish-first";
  const Answer finish_first = answer(asked);
  EXPECT_DOUBLE_EQ(landseer.finish.median, finish_first.finish.median);
  EXPECT_LT(finish_first.first_workflow->median, landseer.first_workflow->median);
  asked.parts[0].submission.policy = "nonsense";
  EXPECT_FALSE(forecast(asked));
}

TEST(Forecast, WhatWasNotSimulatedInTimeIsBounded) {
  std::vector<ToolTime> times{exactly("a", 10'000), exactly("b", 30'000), exactly("c", 20'000)};
  const auto got = forecast(question(chains("a b\na c"), 2, times), [](double) { return false; });
  ASSERT_TRUE(got);
  EXPECT_EQ(got->runs, 0u);
  EXPECT_TRUE(got->cut_off);
  expect_exactly(got->finish, 40'000);  // the longest path
  EXPECT_DOUBLE_EQ(got->cpu_hours, 60.0 / 3600);
  EXPECT_FALSE(got->first_workflow);
}

TEST(Forecast, ProgressGoesFromNothingToAll) {
  std::vector<ToolTime> times{exactly("a", 10'000)};
  times[0].spread_ms = 1000;
  double before = -1;
  ASSERT_TRUE(forecast(question(chains("a\na a\na a a"), 1, times), [&](double share) {
    EXPECT_GE(share, before);
    EXPECT_LE(share, 1);
    before = share;
    return true;
  }));
  EXPECT_GE(before, 0.9);
}

TEST(Forecast, ManyTasksGetFewerRuns) {
  EXPECT_EQ(runs_for(0), 40u);
  EXPECT_EQ(runs_for(5'000), 40u);
  EXPECT_EQ(runs_for(20'000), 10u);
  EXPECT_EQ(runs_for(1'000'000), 3u);
}

TEST(Forecast, ShortTasksGivenAheadWaitForTheirWorker) {
  // The broker gives a worker more of them than it has CPUs; the worker runs one at a time.
  std::string text;
  for (int i = 0; i < 20; ++i) text += "short t" + std::to_string(i) + "\n";
  std::vector<ToolTime> times{exactly("short", 100)};
  for (int i = 0; i < 20; ++i) times.push_back(exactly("t" + std::to_string(i), 100));
  expect_exactly(answer(question(chains(text), 1, times)).finish, 2'100);
}

TEST(Draws, AreLogNormalAroundOne) {
  double sum = 0;
  double squares = 0;
  constexpr int kCount = 20'000;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const double drawn = log_normal(0.3, name_of(7, i));
    sum += drawn;
    squares += std::log(drawn) * std::log(drawn);
  }
  EXPECT_NEAR(sum / kCount, 1, 0.01);
  EXPECT_NEAR(squares / kCount, 0.3 * 0.3 + 0.045 * 0.045, 0.005);
  EXPECT_EQ(log_normal(0, 5), 1);
}

}  // namespace
}  // namespace landseer::forecast
