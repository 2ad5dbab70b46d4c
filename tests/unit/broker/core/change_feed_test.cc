/// Clients that follow all changes: what they are told, when, and what it takes to tell them.
#include "broker/core/change_feed.h"

#include <gtest/gtest.h>

#include "common/protocol/limits.h"
#include "tests/support/broker_harness.h"

namespace landseer::broker::testing {
namespace {

using protocol::ChangeList;
using protocol::GetChanges;

std::uint64_t position_of(BrokerHarness& harness) {
  return harness.ask_for<ChangeList>(GetChanges{0, 0}).position;
}

std::vector<std::uint64_t> tasks_of(const ChangeList& list) {
  std::vector<std::uint64_t> tasks;
  for (const auto& change : list.tasks) tasks.push_back(number(change.row.task));
  return tasks;
}

TEST(ChangeFeed, RemembersSoManyAndSaysSo) {
  ChangeFeed feed(1);
  const std::uint64_t begin = feed.end();
  EXPECT_TRUE(feed.remembers(begin));
  EXPECT_FALSE(feed.remembers(begin + 1));
  for (std::uint32_t i = 0; i <= protocol::kChangesKept; ++i) feed.note(PipelineId{1}, TaskId{i});
  EXPECT_FALSE(feed.remembers(begin));
  EXPECT_TRUE(feed.remembers(begin + 1));
  EXPECT_EQ(number(feed.at(begin + 1).task), 1u);
  EXPECT_EQ(number(feed.at(feed.end() - 1).task), protocol::kChangesKept);
}

TEST(Changes, TheFirstAnswerIsThePositionOnly) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("a b"));
  const auto list = harness.ask_for<ChangeList>(GetChanges{0, 5000});
  EXPECT_TRUE(list.reset);
  EXPECT_TRUE(list.tasks.empty());
  EXPECT_TRUE(list.pipelines.empty());
  EXPECT_GE(list.position, std::uint64_t{5} << 32);
}

TEST(Changes, EachTaskIsToldOnceAsItIsNow) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("a b"));
  const std::uint64_t position = position_of(harness);
  FakeWorker& worker = harness.worker("w");
  harness.say(worker,
              protocol::Started{worker.session, {{{worker.epoch, TaskId{1}, 1}, 1234, {2}}}});
  const auto list = harness.ask_for<ChangeList>(GetChanges{position, 0});
  EXPECT_FALSE(list.reset);
  ASSERT_EQ(tasks_of(list), (std::vector<std::uint64_t>{1}));
  const protocol::TaskChange& change = list.tasks[0];
  EXPECT_EQ(change.row.status, static_cast<std::uint8_t>(domain::TaskStatus::kRunning));
  EXPECT_EQ(change.row.started_at, 1234);
  EXPECT_TRUE(change.row.workflows.empty());
  EXPECT_EQ(change.last.attempt, 1u);
  EXPECT_EQ(change.last.worker, "w");
  EXPECT_EQ(change.last.gpus, std::vector<std::uint32_t>{2});
  ASSERT_EQ(list.pipelines.size(), 1u);
  EXPECT_EQ(list.pipelines[0].running, 1u);
  const auto again = harness.ask_for<ChangeList>(GetChanges{list.position, 0});
  EXPECT_TRUE(again.tasks.empty());
  EXPECT_EQ(again.position, list.position);
}

TEST(Changes, WhatAFailureTakesAlongIsToldToo) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("a b c"));
  FakeWorker& worker = harness.worker("w");
  const std::uint64_t position = position_of(harness);
  harness.finish(worker, protocol::Outcome::kExitCode);
  auto told = tasks_of(harness.ask_for<ChangeList>(GetChanges{position, 0}));
  std::sort(told.begin(), told.end());
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 2, 3}));
  const std::uint64_t later = position_of(harness);
  harness.ask_for<protocol::Retried>(protocol::Retry{PipelineId{1}, {}});
  told = tasks_of(harness.ask_for<ChangeList>(GetChanges{later, 0}));
  std::sort(told.begin(), told.end());
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST(Changes, AClientWaitsForNewsOrForItsTime) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("a"));
  const std::uint64_t position = position_of(harness);
  harness.tell(GetChanges{position, 2000});
  EXPECT_TRUE(harness.replies.empty());
  harness.advance(1s);
  EXPECT_TRUE(harness.replies.empty());
  harness.advance(1s);
  ASSERT_EQ(harness.replies.size(), 1u) << "the time is over";
  EXPECT_EQ(std::get<ChangeList>(harness.replies[0].message).position, position);
  harness.replies.clear();
  harness.tell(GetChanges{position, 1'000'000});
  harness.tell(GetChanges{position, 1000});
  harness.worker("w");
  ASSERT_EQ(harness.replies.size(), 2u) << "both are told at once, in whatever order they wait";
  harness.replies.clear();
  harness.advance(60s);
  EXPECT_TRUE(harness.replies.empty()) << "nobody waits any more";
}

TEST(Changes, NobodyWaitsLongerThanTenSeconds) {
  BrokerHarness harness;
  harness.tell(GetChanges{position_of(harness), 1'000'000});
  harness.advance(10s);
  EXPECT_EQ(harness.replies.size(), 1u);
  harness.replies.clear();
}

TEST(Changes, AReplyIsBoundedAndTheNextGoesOn) {
  BrokerHarness harness;
  harness.take_snapshots = false;
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "tool" + std::to_string(i) + "\n";
  harness.submit(BrokerHarness::chains(text));
  std::uint64_t position = position_of(harness);
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{1}, {}});
  std::size_t told = 0;
  for (int i = 0; i < 2; ++i) {
    const auto list = harness.ask_for<ChangeList>(GetChanges{position, 0});
    EXPECT_LE(list.tasks.size(), protocol::kPageRowsMax);
    told += list.tasks.size();
    position = list.position;
  }
  EXPECT_EQ(told, 1500u);
  EXPECT_EQ(position, position_of(harness));
}

TEST(Changes, AnotherStartOfTheBrokerHasOtherPositions) {
  BrokerHarness harness;
  const std::uint64_t position = position_of(harness);
  Settings settings = BrokerHarness::make_settings(120s);
  ++settings.epoch;
  BrokerHarness next(settings);
  EXPECT_TRUE(next.ask_for<ChangeList>(GetChanges{position, 0}).reset);
}

TEST(Changes, AttemptsOfAPipelineAreListedInPages) {
  BrokerHarness harness;
  auto submission = BrokerHarness::chains("a b\nc");
  submission.options[0].retries = 1;
  harness.submit(submission);
  FakeWorker& worker = harness.worker("w");
  harness.finish(worker, protocol::Outcome::kExitCode);
  harness.advance(1min);
  while (!worker.assigned.empty()) harness.finish(worker);
  const auto whole =
      harness.ask_for<protocol::AttemptList>(protocol::ListAttempts{PipelineId{1}, 0, 0});
  EXPECT_EQ(whole.rows.size(), 4u) << "one of them failed and was tried again";
  EXPECT_EQ(whole.next_offset, 0u);
  const auto page =
      harness.ask_for<protocol::AttemptList>(protocol::ListAttempts{PipelineId{1}, 0, 1});
  EXPECT_EQ(page.next_offset, 1u);
  EXPECT_EQ(page.rows.size(), 2u);
  EXPECT_EQ(page.rows[0].attempt.outcome, static_cast<std::uint8_t>(protocol::Outcome::kExitCode));
  EXPECT_EQ(harness.ask_in_vain(protocol::ListAttempts{PipelineId{9}, 0, 0}).code,
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace landseer::broker::testing
