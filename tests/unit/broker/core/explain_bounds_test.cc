/// What an explanation costs and how long it gets, however large the cluster and however long the
/// line.
#include <chrono>

#include "tests/unit/broker/core/explain_fixture.h"

namespace landseer::broker::testing {
namespace {

constexpr std::uint32_t kWorkers = 2000;
constexpr std::uint32_t kPipelines = 10;
constexpr std::uint32_t kTasks = 10'000;  // of each pipeline

/// Without a harness, which looks at everything after each step.
class Large {
 public:
  Large() : core_(BrokerHarness::make_settings(120s)) {
    now_.instant = Instant{1'000'000'000};
    now_.wall = WallTime{1'700'000'000'000};
    for (std::uint32_t i = 0; i < kWorkers; ++i) add_worker(i);
    for (std::uint32_t i = 0; i < kPipelines; ++i) submit(i);
  }

  /// The task that is last in line, and how long the answer took.
  std::pair<protocol::Explanation, std::chrono::steady_clock::duration> ask(TaskId task) {
    const auto begun = std::chrono::steady_clock::now();
    core_.handle(FromClientPeer{PeerId{7}, 1, protocol::GetExplanation{task}}, now_, out_);
    const auto took = std::chrono::steady_clock::now() - begun;
    EXPECT_EQ(out_.to_clients.size(), 1u);
    auto why = std::get<protocol::Explanation>(out_.to_clients.back().message);
    out_.clear();
    return {why, took};
  }

  const State& state() const { return core_.state(); }

 private:
  void add_worker(std::uint32_t number) {
    protocol::Hello hello;
    hello.uid = hello.name = "w" + std::to_string(number);
    hello.instance = 1;
    hello.runtimes = {"process"};
    hello.cpus_milli = 1000 * (1 + number % 50);  // many kinds
    hello.memory_bytes = 100;
    core_.handle(FromWorkerPeer{PeerId{100 + number}, hello}, now_, out_);
    settle();
  }

  void submit(std::uint32_t number) {
    protocol::Submission s;
    s.submission_id = s.name = "p" + std::to_string(number);
    s.use_cache = false;
    s.configs = {"{}"};
    s.tools = {{"hold", "", "run", {}, false}};
    s.options = {cpus(1), cpus(1000)};
    // Some can run, more than there is room for; the last one never can.
    for (std::uint32_t i = 0; i < kTasks; ++i) {
      s.configs.push_back("{\"n\":" + std::to_string(i) + "}");
      s.tasks.push_back({1, 0, i + 1, i + 1 == kTasks ? 1u : 0u, {}});
      s.workflows.push_back({"w", {i}});
    }
    core_.handle(FromClientPeer{PeerId{7}, 1, BrokerHarness::chunk(s)}, now_, out_);
    settle();
  }

  void settle() {
    do {
      core_.settle(now_, out_);
      out_.clear();
    } while (core_.state().placement_due);
  }

  Now now_;
  Broker core_;
  Outbox out_;
};

std::size_t length(const protocol::Explanation& why) {
  return protocol::encode(protocol::ToClient{why}, 1).size();
}

TEST(ExplainBounds, TheLastOfAHundredThousandTasks) {
  Large large;
  ASSERT_EQ(large.state().pipelines.tasks(), std::uint64_t{kPipelines} * kTasks);
  const auto [why, took] = large.ask(TaskId{kPipelines * kTasks - 1});
  EXPECT_EQ(why.summary, "it is ready and waits for room; it asks for 1 CPU");
  EXPECT_EQ(why.ahead, 1000u);
  EXPECT_TRUE(why.ahead_is_least);
  EXPECT_EQ(why.first_ahead.size(), 5u);
  EXPECT_LE(why.pipelines_ahead.size(), 10u);
  EXPECT_TRUE(says(why.reasons, "more than 1000 tasks are ahead of it"));
  EXPECT_LT(length(why), 16u << 10);
  EXPECT_LT(took, 1s) << "a hundredth of that is expected";
}

TEST(ExplainBounds, WhatNobodyCanRunAmongTwoThousand) {
  Large large;
  const auto [why, took] = large.ask(TaskId{kPipelines * kTasks});
  EXPECT_NE(why.summary.find("nearest: w49 has 50 CPUs, it asks for 1000"), std::string::npos)
      << why.summary;
  EXPECT_FALSE(why.queued);
  EXPECT_EQ(why.conditions.size(), 20u);
  EXPECT_EQ(why.conditions.front().count, 40u);
  EXPECT_EQ(why.conditions.front().workers.size(), 5u);
  EXPECT_TRUE(says(why.reasons, "and 30 more kinds of worker"));
  EXPECT_LT(length(why), 16u << 10);
  EXPECT_LT(took, 1s) << "a hundredth of that is expected";
}

TEST(ExplainBounds, AChainOfManyTasks) {
  BrokerHarness harness;
  harness.take_snapshots = false;
  auto submission = asking("t");
  for (std::uint32_t i = 1; i < 12'000; ++i) submission.tasks.push_back({1, 0, 0, 0, {i - 1}});
  submission.workflows[0].tasks.clear();
  for (std::uint32_t i = 0; i < 12'000; ++i) submission.workflows[0].tasks.push_back(i);
  harness.submit(submission);
  const auto near = explain(harness, 9'000);
  EXPECT_EQ(number(near.root), 1u);
  EXPECT_NE(near.summary.find("8999 steps above it"), std::string::npos) << near.summary;
  const auto far = explain(harness, 12'000);
  EXPECT_NE(far.summary.find("which waits for others in turn"), std::string::npos) << far.summary;
}

}  // namespace
}  // namespace landseer::broker::testing
