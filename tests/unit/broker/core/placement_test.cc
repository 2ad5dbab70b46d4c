#include "broker/core/placement.h"

#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using protocol::Outcome;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

TEST(Placement, FollowsThePolicysOrder) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("a x\nb y\nb z"));
  FakeWorker& worker = harness.worker("w");
  EXPECT_EQ(worker.specs.back().tool, "b") << "used twice";
}

TEST(Placement, HigherUserPriorityFirstThenSubmissionOrder) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("low", "one"));
  auto urgent = BrokerHarness::chains("urgent", "two");
  urgent.priority = 5;
  harness.submit(urgent);
  harness.submit(BrokerHarness::chains("low2", "three"));
  FakeWorker& worker = harness.worker("w", 1);
  EXPECT_EQ(worker.specs.back().tool, "urgent");
  harness.finish(worker);
  EXPECT_EQ(worker.specs.back().tool, "low");
}

TEST(Placement, NeverPromisesMoreThanAWorkerHas) {
  BrokerHarness harness;
  auto submission = BrokerHarness::chains("a\nb\nc");
  submission.options[0].cpus_milli = 1500;
  harness.submit(submission);
  EXPECT_EQ(harness.worker("w", 4).assigned.size(), 2u);
}

TEST(Placement, WhatFitsGoesPastWhatDoesNot) {
  BrokerHarness harness;
  auto submission = BrokerHarness::chains("big\nsmall");
  submission.options.push_back(submission.options[0]);
  submission.options[0].cpus_milli = 8000;
  submission.tasks[1].options = 1;
  harness.submit(submission);
  FakeWorker& worker = harness.worker("w", 1);
  ASSERT_EQ(worker.assigned.size(), 1u);
  EXPECT_EQ(worker.specs.back().tool, "small");
}

TEST(Placement, AsksForGpusMemoryDatasetAndRuntime) {
  BrokerHarness harness;
  auto gpu = BrokerHarness::chains("gpu", "gpu");
  gpu.options[0].gpus_milli = 500;
  harness.submit(gpu);
  auto memory = BrokerHarness::chains("memory", "memory");
  memory.options[0].memory_bytes = 8ull << 30;
  harness.submit(memory);
  auto dataset = BrokerHarness::chains("dataset", "dataset");
  dataset.dataset_name = "digits";
  dataset.dataset_variant = "clean";
  harness.submit(dataset);
  auto runtime = BrokerHarness::chains("runtime", "runtime");
  runtime.tools[0].runtime = "podman";
  harness.submit(runtime);
  EXPECT_TRUE(harness.worker("plain", 8).assigned.empty());
  harness.offer.gpus = {{0, "T4", 16ull << 30}};
  EXPECT_EQ(harness.worker("with-gpu", 8).specs.back().tool, "gpu");
  harness.offer.memory_bytes = 16ull << 30;
  EXPECT_EQ(harness.worker("with-memory", 8).specs.back().tool, "memory");
  harness.offer.datasets = {{"digits", "", sha256("d")}};
  EXPECT_EQ(harness.worker("with-data", 8).specs.back().tool, "dataset");
  harness.offer.runtimes = {"podman"};
  EXPECT_EQ(harness.worker("with-podman", 8).specs.back().tool, "runtime");
}

TEST(Placement, ADatasetsOtherVariantIsAnotherDataset) {
  BrokerHarness harness;
  auto submission = BrokerHarness::chains("a");
  submission.dataset_name = "digits";
  submission.dataset_variant = "poisoned";
  harness.submit(submission);
  harness.offer.datasets = {{"digits", "clean", sha256("c")}};
  EXPECT_TRUE(harness.worker("clean").assigned.empty());
  harness.offer.datasets = {{"digits", "poisoned", sha256("p")}};
  EXPECT_EQ(harness.worker("poisoned").assigned.size(), 1u);
}

TEST(Placement, PrefersTheWorkerThatHasTheInput) {
  BrokerHarness harness;
  // Of equals the first would be taken.
  FakeWorker& first = harness.worker("first", 1);
  harness.submit(BrokerHarness::chains("x", "other"));
  ASSERT_EQ(first.assigned.size(), 1u);
  FakeWorker& second = harness.worker("second", 1);
  harness.submit(BrokerHarness::chains("a b"));
  ASSERT_EQ(second.assigned.size(), 1u);
  harness.finish(first, Outcome::kSucceeded, "X");
  harness.finish(second, Outcome::kSucceeded, "A");
  EXPECT_TRUE(first.assigned.empty());
  ASSERT_EQ(second.assigned.size(), 1u);
  ASSERT_EQ(second.assigned.front().inputs.size(), 1u);
  EXPECT_TRUE(second.assigned.front().inputs[0].sources.empty()) << "it needs no other source";
}

TEST(Placement, NamesTheWorkersThatHaveAnInputOldestFirst) {
  BrokerHarness harness;
  FakeWorker& first = harness.worker("first", 1);
  harness.submit(BrokerHarness::chains("a b c"));
  harness.finish(first, Outcome::kSucceeded, "A");
  harness.finish(first, Outcome::kSucceeded, "B");
  FakeWorker& second = harness.worker("second", 1);
  harness.finish(first, Outcome::kReturned);
  harness.say(first, protocol::Heartbeat{first.session, 1});
  FakeWorker& other = second.assigned.empty() ? first : second;
  ASSERT_EQ(other.assigned.size(), 1u);
  const auto& inputs = other.assigned.front().inputs;
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[0].artifact, sha256("A"));
  EXPECT_EQ(inputs[1].artifact, sha256("B"));
}

TEST(Placement, LearnsFromHoldingWhoElseHasAnArtifact) {
  BrokerHarness harness;
  FakeWorker& first = harness.worker("first", 1);
  FakeWorker& second = harness.worker("second", 1);
  harness.submit(BrokerHarness::chains("a b"));
  FakeWorker& ran = first.assigned.empty() ? second : first;
  FakeWorker& other = first.assigned.empty() ? first : second;
  harness.say(other, protocol::Holding{other.session, {sha256("A"), sha256("unknown")}});
  harness.finish(ran, Outcome::kSucceeded, "A");
  harness.say(other, protocol::Holding{other.session, {sha256("A")}});
  ran.assigned.clear();
  harness.say(ran, protocol::Goodbye{ran.session});
  ASSERT_EQ(other.assigned.size(), 1u);
  EXPECT_EQ(other.assigned.front().inputs.size(), 1u) << "a did not have to run again";
}

TEST(Placement, ShortTasksArePrefetchedLongOnesAreNot) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 1);
  std::string text;
  for (int i = 0; i < 8; ++i) text += "root" + std::to_string(i) + " quick\n";
  auto submission = BrokerHarness::chains(text);
  harness.submit(submission);
  EXPECT_EQ(worker.assigned.size(), 1u) << "nothing is known about the tool yet";
  const auto finish_in = [&](std::int64_t ms) {
    protocol::AttemptResult result;
    result.task = worker.assigned.front().task;
    result.attempt = worker.assigned.front().attempt;
    result.outcome = Outcome::kSucceeded;
    result.started_at = harness.now.wall.unix_ms - ms;
    result.finished_at = harness.now.wall.unix_ms;
    worker.assigned.pop_front();
    harness.send_result(worker, result);
  };
  while (!worker.assigned.empty() && worker.specs.back().tool != "quick") finish_in(5000);
  EXPECT_EQ(worker.assigned.size(), 1u) << "five seconds are long";
  finish_in(50);
  finish_in(50);
  EXPECT_EQ(worker.assigned.size(), 2u) << "one runs, one waits beside it";
}

TEST(Placement, OfTasksThatAreOverAtOnceSeveralArePrefetched) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 1);
  std::string text;
  for (int i = 0; i < 20; ++i) text += "root" + std::to_string(i) + " quick\n";
  harness.submit(BrokerHarness::chains(text));
  const auto finish = [&] {
    protocol::AttemptResult result;
    result.task = worker.assigned.front().task;
    result.attempt = worker.assigned.front().attempt;
    result.outcome = Outcome::kSucceeded;
    result.started_at = harness.now.wall.unix_ms - 2;
    result.finished_at = harness.now.wall.unix_ms;
    worker.assigned.pop_front();
    harness.send_result(worker, result);
  };
  while (!worker.assigned.empty() && worker.specs.back().tool != "quick") finish();
  EXPECT_EQ(worker.assigned.size(), 1u) << "nothing is known about the tool yet";
  finish();
  finish();
  EXPECT_EQ(worker.assigned.size(), 5u) << "one runs, four wait beside it";
}

TEST(Placement, NoopTasksNeedNoSlots) {
  BrokerHarness harness;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "t" + std::to_string(i) + "\n";
  auto submission = BrokerHarness::chains(text);
  for (auto& tool : submission.tools) tool.runtime = "noop";
  harness.submit(submission);
  FakeWorker& worker = harness.worker("w", 1);
  harness.advance(0s);
  EXPECT_EQ(worker.assigned.size(), 1000u);
}

TEST(Placement, APassEndsBeforeMessagesWaitLongAndGoesOnAtOnce) {
  BrokerHarness harness;
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "t" + std::to_string(i) + "\n";
  harness.submit(BrokerHarness::chains(text));
  harness.offer.runtimes = {"process"};
  FakeWorker& worker = harness.worker("w", 1500);
  const std::size_t at_first = worker.assigned.size();
  EXPECT_GT(at_first, 400u);
  EXPECT_LE(at_first, 500u);
  EXPECT_EQ(harness.broker.next_deadline(harness.now), harness.now.instant);
  harness.advance(0s);
  EXPECT_EQ(worker.assigned.size(), 1500u);
  EXPECT_FALSE(harness.broker.state().placement_due);
}

TEST(Placement, EqualSpecsTravelOnce) {
  BrokerHarness harness;
  std::string text;
  for (int i = 0; i < 50; ++i) text += "root" + std::to_string(i) + " same\n";
  harness.submit(BrokerHarness::chains(text));
  harness.offer.runtimes = {"process"};
  FakeWorker& worker = harness.worker("w", 50);
  ASSERT_EQ(worker.assigned.size(), 50u);
  for (int i = 0; i < 50; ++i) harness.finish(worker);
  EXPECT_EQ(worker.assigned.front().spec, 0u);
}

TEST(Placement, WhatWasHeldForACancelledTaskIsFreeAtOnce) {
  Settings settings = BrokerHarness::make_settings(120s);
  settings.shared_resources = {{"matlab", 2}};
  BrokerHarness harness(settings);
  FakeWorker& worker = harness.worker("w", 4);
  std::uint64_t count = 0;
  const auto submit = [&](std::uint64_t amount) {
    auto submission = BrokerHarness::chains("a", "p" + std::to_string(++count));
    submission.options[0].named = {{"matlab", amount}};
    return harness.submit(submission).pipeline;
  };
  submit(1);
  const PipelineId large = submit(2);
  submit(1);
  EXPECT_EQ(worker.assigned.size(), 1u) << "the one that is left is held for the large one";
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{large, TaskId{}});
  EXPECT_EQ(worker.assigned.size(), 2u);
}

}  // namespace
}  // namespace landseer::broker
