/// Bugs that other projects had and we must not: what the failure was, where it is tested.
///
/// | failure, and who had it | test |
/// |---|---|
/// | heartbeat from an unknown worker (Parsl) | Sessions.AStrangerIsAskedToSayHello |
/// | late result of an expired worker (Parsl) | Loss.AResultAfterTheLeaseChangesNothing |
/// | result for a task that is not on that worker (Parsl) |
/// |                              Sessions.AWorkerSpeaksOnlyAboutItsOwnAttempts |
/// | Hello of a wrong version (Parsl) | Sessions.AWrongVersionIsRefusedAlone |
/// | broker killed under a waiting client (Parsl) |
/// |                              end_to_end/broker_loss_test: test_who_waits_hardly_notices |
/// | 10,000 tasks to one slow worker (Parsl) | here |
/// | reconnect of a busy worker (Dask) | Loss.AWorkerThatComesBackKeepsWhatIsStillItsOwn, |
/// |                              Replay.ARunningTaskIsBelievedWhenItsWorkerComesBack |
/// | finished work offered after it was reassigned (Dask) | here |
/// | journal cut at every byte, a length of 2^60 (HyperQueue) | Records.EveryTruncationIsAnError, |
/// |                              StoreTest.AMissingTailIsRefused; the length here |
/// | supervisor killed while its task lives (Nomad) |
/// |                              Executor.KilledExecutorIsNoticedAndTheNextOneKillsWhatItLeft, |
/// |                              worker_loss_test: test_a_killed_executor_does_not_take_the_... |
/// | malformed stored field at start-up, a crash loop (Argo) |
/// |                              Replay.RecordsThatContradictTheOthersAreRefused, |
/// |                              StoreTest.ARecordTheReaderRefusesIsNamed, |
/// |                              broker_loss_test: test_the_state_folder_can_be_checked_and_... |
/// | task longer than every timeout (Celery) | here |
/// | position and state saved apart (etcd) | StoreTest.WhatWasNotSyncedIsGoneAndNothingElse, |
/// |                              StoreTest.ARecoveryThatArrivesAtAnotherStateIsRefused, |
/// |                              SnapshotStoreTest.CheckingProvesTheNewestFromTheOlder |
#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using protocol::Outcome;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

constexpr std::uint32_t kMany = 10'000;

protocol::Submission many_tasks(const std::optional<std::string>& runtime) {
  protocol::Submission submission = BrokerHarness::chains("tool");
  submission.tools[0].runtime = runtime;
  const protocol::TaskEntry first = submission.tasks[0];
  submission.configs.clear();
  submission.tasks.clear();
  submission.workflows.clear();
  for (std::uint32_t i = 0; i < kMany; ++i) {
    submission.configs.push_back("{\"i\":" + std::to_string(i) + "}");
    submission.tasks.push_back(first);
    submission.tasks.back().config = i;
    submission.workflows.push_back({"w" + std::to_string(i), {i}});
  }
  return submission;
}

TEST(Regression, TenThousandTasksDoNotFloodOneSlowWorker) {
  BrokerHarness harness(20s);
  harness.take_snapshots = false;  // 10,000 steps long
  FakeWorker& worker = harness.worker("slow", 4);
  const auto pipeline = harness.submit(many_tasks(std::nullopt)).pipeline;
  EXPECT_EQ(worker.assigned.size(), 4u);
  for (int i = 0; i < 5; ++i) harness.finish(worker);
  EXPECT_EQ(worker.assigned.size(), 4u);
  harness.advance(30s);
  const auto row = harness.status(pipeline).row;
  EXPECT_EQ(row.completed, 5u);
  EXPECT_EQ(row.running, 0u) << "it is lost, and nothing is with it";
  EXPECT_EQ(row.ready, kMany - 5);
}

TEST(Regression, NorDoTasksThatTakeNoRoom) {
  BrokerHarness harness(20s);
  harness.take_snapshots = false;
  FakeWorker& worker = harness.worker("slow");
  const auto pipeline = harness.submit(many_tasks("noop")).pipeline;
  const std::size_t given = worker.assigned.size();
  EXPECT_GT(given, 0u);
  EXPECT_LT(given, 4096u) << "what one worker is given ahead is bounded";
  harness.advance(30s);
  EXPECT_EQ(harness.status(pipeline).row.running, 0u);
}

TEST(Regression, FinishedWorkOfferedAfterItWasReassignedIsRefused) {
  BrokerHarness harness(20s);
  FakeWorker& first = harness.worker("first");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b")).pipeline;
  const protocol::AttemptRef old{first.epoch, first.assigned.front().task, 1};
  first.assigned.clear();
  harness.advance(30s);
  FakeWorker& second = harness.worker("second");
  ASSERT_EQ(second.assigned.size(), 1u);
  harness.worker("first", 1, {old});
  ASSERT_EQ(first.verdicts.size(), 1u);
  EXPECT_FALSE(first.verdicts[0].keep) << "it must stop, or forget its result";
  protocol::AttemptResult result;
  result.task = old.task;
  result.attempt = old.attempt;
  result.outcome = Outcome::kSucceeded;
  result.artifact = sha256("of the first");
  harness.send_result(first, result);
  EXPECT_EQ(first.acknowledged, std::vector{old}) << "answered, so that it ends";
  EXPECT_EQ(harness.status(pipeline).row.completed, 0u);
  harness.finish(second, Outcome::kSucceeded, "of the second");
  EXPECT_EQ(harness.task(old.task).artifact, sha256("of the second"));
}

TEST(Regression, ATaskMayRunLongerThanEveryTimeout) {
  BrokerHarness harness(20s);
  harness.take_snapshots = false;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  for (Duration passed{}; passed < 3h; passed += 2s) {
    harness.advance(2s);
    harness.beat(worker);
  }
  EXPECT_EQ(worker.beats_answered, 5400u) << "each one renewed the lease";
  EXPECT_EQ(worker.rehellos, 0u);
  harness.finish(worker);
  const auto detail = harness.ask_for<protocol::TaskDetail>(protocol::GetTask{TaskId{1}});
  EXPECT_EQ(detail.attempts.size(), 1u);
  EXPECT_EQ(harness.status(pipeline).row.completed, 1u);
}

TEST(Regression, ALengthThatCannotBeIsAnErrorNotAnAllocation) {
  std::string group(8, '\0');
  group[0] = 0x10;  // 2^60
  group += "short";
  std::string_view rest = group;
  std::string_view entry;
  EXPECT_FALSE(take_entry(rest, entry));
  // [type, number, [text of 2^32 - 1 bytes ...
  EXPECT_FALSE(decode_record(std::string_view("\x93\x02\x00\x92\xdb\xff\xff\xff\xffx", 10)));
  EXPECT_FALSE(decode_record(std::string_view("\x93\x02\x00\xdd\xff\xff\xff\xff", 8)));
}

}  // namespace
}  // namespace landseer::broker
