/// The policy finish-first in the broker: what was learned decides, and a restart finds it again.
/// The harness compares a replay of all records, and a snapshot, with the broker after every step.
#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using protocol::Outcome;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

protocol::Submission finish_first(const std::string& text, const std::string& id = "test") {
  protocol::Submission s = BrokerHarness::chains(text, id);
  s.policy = "finish-first";
  return s;
}

/// Works off everything; the tools in order. Each takes as long as its name says: "b5" 5 s.
std::vector<std::string> work_off(BrokerHarness& harness, FakeWorker& worker) {
  std::vector<std::string> tools;
  while (!worker.assigned.empty()) {
    const protocol::Assignment work = worker.assigned.front();
    worker.assigned.pop_front();
    const std::string tool = harness.task(work.task).tool;
    tools.push_back(tool);
    const auto took = std::chrono::seconds(tool.size() > 1 ? std::stoi(tool.substr(1)) : 5);
    protocol::AttemptResult result;
    result.task = work.task;
    result.attempt = work.attempt;
    result.outcome = Outcome::kSucceeded;
    result.started_at = harness.now.wall.unix_ms;
    for (auto left = took; left > 0s; left -= 1s) {
      harness.advance(1s);
      harness.beat(worker);
    }
    result.finished_at = harness.now.wall.unix_ms;
    harness.send_result(worker, result);
  }
  return tools;
}

using Tools = std::vector<std::string>;

TEST(BrokerFinishFirst, FinishesOneWorkflowBeforeItBeginsTheNext) {
  BrokerHarness harness;
  harness.submit(finish_first("a b c\na b d\na e"));
  FakeWorker& worker = harness.worker("w");
  EXPECT_EQ(work_off(harness, worker), (Tools{"a", "e", "b", "c", "d"}));
}

TEST(BrokerFinishFirst, LearnsFromPipelinesBefore) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("b9 c3 d6", "first"));
  work_off(harness, worker);
  harness.submit(finish_first("b9\nc3\nd6", "second"));
  EXPECT_EQ(work_off(harness, worker), (Tools{"c3", "d6", "b9"}));
}

TEST(BrokerFinishFirst, LearnsWhileItRuns) {
  BrokerHarness harness;
  harness.submit(finish_first("p c2\np b9\nq b9\nq c2"));
  FakeWorker& worker = harness.worker("w");
  // After q, what was listed first is known to be the slower one.
  EXPECT_EQ(work_off(harness, worker), (Tools{"p", "c2", "b9", "q", "c2", "b9"}));
  EXPECT_EQ(harness.broker.state().times.expected("b9"), 9s);
  EXPECT_EQ(harness.broker.state().times.find("c2", "cpu")->samples, 2u);
}

TEST(BrokerFinishFirst, WhatIsLearnedMovesThePipelinesThatWait) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("b9", "first"));
  const auto second = harness.submit(finish_first("b9\nc3", "second"));
  FakeWorker& worker = harness.worker("w");
  EXPECT_EQ(harness.task(TaskId{2}).priority, 125);
  EXPECT_EQ(work_off(harness, worker).size(), 3u);
  EXPECT_EQ(harness.broker.state().pipelines.find(second.pipeline)->policy, "finish-first");
  // Over: nothing is expected of it any more.
  EXPECT_EQ(harness.task(TaskId{2}).priority, 0);
}

TEST(BrokerFinishFirst, ARetriedPipelineKnowsWhatWasLearnedSinceItWasOver) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto first = harness.submit(finish_first("b9\nc3", "first"));
  harness.tell(protocol::Cancel{first.pipeline, TaskId{}});
  while (!worker.assigned.empty()) harness.finish(worker, Outcome::kCancelled);
  harness.submit(BrokerHarness::chains("b9 c3", "second"));
  work_off(harness, worker);
  harness.replies.clear();
  harness.tell(protocol::Retry{first.pipeline, TaskId{}});
  EXPECT_EQ(work_off(harness, worker), (Tools{"c3", "b9"}));
  harness.replies.clear();
}

TEST(BrokerFinishFirst, TheDeviceOfASuccessIsRecorded) {
  BrokerHarness harness;
  harness.offer.gpus.push_back({0, "NVIDIA H100", 1 << 30});
  auto submission = finish_first("b9");
  submission.options[0].gpus_milli = 1000;
  harness.submit(submission);
  FakeWorker& worker = harness.worker("w");
  work_off(harness, worker);
  EXPECT_EQ(std::get<AttemptEnded>(harness.records.back()).device, "NVIDIA H100");
  EXPECT_NE(harness.broker.state().times.find("b9", "NVIDIA H100"), nullptr);
}

}  // namespace
}  // namespace landseer::broker
