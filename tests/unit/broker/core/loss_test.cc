/// Workers that fall silent, come back, or lie; artifacts that are lost.
#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using protocol::Outcome;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

TEST(Loss, ASilentWorkersAttemptsRunElsewhereAfterTheLease) {
  BrokerHarness harness(20s);
  FakeWorker& dead = harness.worker("dead");
  harness.submit(BrokerHarness::chains("a"));
  ASSERT_EQ(dead.assigned.size(), 1u);
  FakeWorker& alive = harness.worker("alive");
  for (int i = 0; i < 10; ++i) {
    harness.advance(2s);
    harness.beat(alive);
  }
  EXPECT_TRUE(alive.assigned.empty()) << "the lease is not over yet";
  for (int i = 0; i < 3; ++i) {
    harness.advance(2s);
    harness.beat(alive);
  }
  ASSERT_EQ(alive.assigned.size(), 1u);
  EXPECT_EQ(alive.assigned.front().attempt, 2u);
}

TEST(Loss, ASilentWorkerGetsNothingNewUntilItIsHeardAgain) {
  BrokerHarness harness(120s);
  FakeWorker& worker = harness.worker("w", 2);
  harness.advance(7s);
  harness.submit(BrokerHarness::chains("a"));
  EXPECT_TRUE(worker.assigned.empty());
  harness.beat(worker);
  EXPECT_EQ(worker.assigned.size(), 1u);
}

TEST(Loss, AWorkerThatSpeaksButDoesNotHearGetsNothingNew) {
  BrokerHarness harness;
  FakeWorker& deaf = harness.worker("deaf");
  harness.worker("deaf");  // Hello again: the first Welcome was lost
  harness.submit(BrokerHarness::chains("a"));
  EXPECT_TRUE(deaf.assigned.empty());
  harness.worker("deaf");
  EXPECT_TRUE(deaf.assigned.empty()) << "speaking is not hearing";
  harness.beat(deaf);  // in the session of the last Welcome
  EXPECT_EQ(deaf.assigned.size(), 1u);
  deaf.assigned.clear();
  harness.worker("deaf");
  EXPECT_EQ(deaf.assigned.size(), 1u) << "its last session was used: it heard, and may say Hello";
}

TEST(Loss, AResultAfterTheLeaseChangesNothing) {
  BrokerHarness harness(20s);
  FakeWorker& slow = harness.worker("slow");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  harness.advance(30s);
  FakeWorker& other = harness.worker("other");
  ASSERT_EQ(other.assigned.size(), 1u);
  harness.finish(slow, Outcome::kSucceeded);
  EXPECT_EQ(slow.rehellos, 1u) << "its session is over";
  EXPECT_EQ(harness.status(pipeline).row.completed, 0u);
  harness.finish(other);
  EXPECT_EQ(harness.status(pipeline).row.completed, 1u);
}

TEST(Loss, AWorkerThatComesBackKeepsWhatIsStillItsOwn) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a")).pipeline;
  const auto attempt = worker.assigned.front();
  harness.worker("w", 1, {{5, attempt.task, attempt.attempt}});
  ASSERT_EQ(worker.verdicts.size(), 1u);
  EXPECT_TRUE(worker.verdicts[0].keep);
  harness.finish(worker);
  EXPECT_EQ(harness.status(pipeline).row.completed, 1u);
  EXPECT_EQ(harness.task(attempt.task).attempts, 1u);
}

TEST(Loss, AttemptsOfAnotherEpochOrNumberMustStop) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  const auto attempt = worker.assigned.front();
  worker.assigned.clear();
  harness.worker("w", 1,
                 {{4, attempt.task, attempt.attempt}, {5, attempt.task, 7}, {5, TaskId{99}, 1}});
  ASSERT_EQ(worker.verdicts.size(), 3u);
  for (const auto& verdict : worker.verdicts) EXPECT_FALSE(verdict.keep);
  harness.beat(worker);
  ASSERT_EQ(worker.assigned.size(), 1u) << "and the task starts again";
  EXPECT_EQ(worker.assigned.front().attempt, 2u);
}

TEST(Loss, ANewProcessWithoutItsAttemptsGivesThemBackAtOnce) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a"));
  worker.assigned.clear();
  worker.instance = 2;
  harness.worker("w");
  EXPECT_EQ(worker.assigned.size(), 1u);
}

TEST(Loss, ATaskThatLosesThreeWorkersFails) {
  BrokerHarness harness(20s);
  const auto pipeline = harness.submit(BrokerHarness::chains("poison\nfine")).pipeline;
  for (int i = 0; i < 3; ++i) {
    FakeWorker& victim = harness.worker("victim" + std::to_string(i), 2);
    if (i == 0) harness.finish(victim, Outcome::kReturned);  // either order is fine
    harness.advance(30s);
  }
  const auto row = harness.status(pipeline).row;
  EXPECT_GE(row.failed, 1u);
  const auto tasks =
      harness.ask_for<protocol::TaskList>(protocol::ListTasks{pipeline, 4, "", 0, 0});
  ASSERT_FALSE(tasks.rows.empty());
  EXPECT_NE(tasks.rows[0].reason.find("lost 3 workers"), std::string::npos);
}

TEST(Loss, GoodbyeGivesEverythingBackWithoutBlame) {
  BrokerHarness harness;
  FakeWorker& leaving = harness.worker("leaving");
  harness.submit(BrokerHarness::chains("a"));
  FakeWorker& staying = harness.worker("staying");
  harness.say(leaving, protocol::Goodbye{leaving.session});
  EXPECT_EQ(staying.assigned.size(), 1u);
  const auto workers = harness.ask_for<protocol::WorkerList>(protocol::ListWorkers{});
  EXPECT_EQ(workers.rows[0].state, "left");
}

TEST(Loss, AHostThatCannotStartToolsFiveTimesIsLeftAlone) {
  BrokerHarness harness;
  FakeWorker& broken = harness.worker("broken");
  const auto pipeline = harness.submit(BrokerHarness::chains("a\nb\nc")).pipeline;
  for (int i = 0; i < 5; ++i) {
    harness.finish(broken, Outcome::kRuntimeError);
    harness.beat(broken);
    harness.advance(1s);
  }
  EXPECT_TRUE(broken.assigned.empty());
  const auto workers = harness.ask_for<protocol::WorkerList>(protocol::ListWorkers{});
  EXPECT_EQ(workers.rows[0].state, "quarantined");
  EXPECT_NE(workers.rows[0].reason.find("because of the test"), std::string::npos);
  ASSERT_EQ(harness.notices.size(), 1u);
  EXPECT_NE(harness.notices[0].find("worker 'broken' gets no more work"), std::string::npos);
  FakeWorker& good = harness.worker("good");
  while (!good.assigned.empty()) harness.finish(good);
  EXPECT_EQ(harness.status(pipeline).row.pending, 0u);
}

TEST(Loss, AQuarantineOutlivesAConnectionButNotAProcess) {
  BrokerHarness harness;
  FakeWorker& broken = harness.worker("broken");
  harness.submit(BrokerHarness::chains("a\nb\nc"));
  for (int i = 0; i < 5; ++i) {
    harness.finish(broken, Outcome::kRuntimeError);
    harness.beat(broken);
    harness.advance(1s);
  }
  harness.worker("broken");
  EXPECT_TRUE(broken.assigned.empty());
  broken.instance = 2;
  harness.worker("broken");
  EXPECT_FALSE(broken.assigned.empty());
}

TEST(Loss, AHostThatWasRestartedLosesItsAttemptsAtOnce) {
  BrokerHarness harness;
  harness.offer.boot_id = "before";
  FakeWorker& worker = harness.worker("w", 2);
  const auto pipeline = harness.submit(BrokerHarness::chains("a\nb")).pipeline;
  protocol::Started started{worker.session, {}};
  for (const auto& work : worker.assigned) {
    started.attempts.push_back({{worker.epoch, work.task, work.attempt}, 1});
  }
  harness.say(worker, started);
  const auto first = started.attempts[0].attempt;
  worker.assigned.clear();
  worker.instance = 2;
  harness.offer.boot_id = "after";
  harness.worker("w", 2, {first});  // its result was on the disk
  EXPECT_EQ(worker.assigned.size(), 1u) << "the other one again";
  const auto detail = harness.ask_for<protocol::TaskDetail>(protocol::GetTask{TaskId{2}});
  ASSERT_EQ(detail.attempts.size(), 2u);
  EXPECT_EQ(detail.attempts[0].outcome, static_cast<std::uint8_t>(Outcome::kWorkerLost));
  EXPECT_EQ(detail.attempts[0].reason, "w's host was restarted");
  EXPECT_EQ(harness.status(pipeline).row.running, 2u);
}

TEST(Loss, AnOutOfMemoryTaskIsToldWithItsPeakAndLimit) {
  BrokerHarness harness;
  auto submission = BrokerHarness::chains("a");
  submission.options[0].memory_bytes = 512 << 20;
  FakeWorker& worker = harness.worker("w");
  harness.submit(submission);
  ASSERT_EQ(worker.assigned.size(), 1u);
  protocol::AttemptResult result;
  result.task = worker.assigned.front().task;
  result.attempt = 1;
  result.outcome = Outcome::kOutOfMemory;
  result.memory_peak_bytes = 768 << 20;
  harness.send_result(worker, result);
  const auto row = harness.task(result.task);
  EXPECT_EQ(row.status, static_cast<std::uint8_t>(domain::TaskStatus::kFailed));
  EXPECT_NE(row.reason.find("out of memory: "), std::string::npos) << row.reason;
  EXPECT_NE(row.reason.find("768"), std::string::npos) << row.reason;
  EXPECT_NE(row.reason.find("limit 512"), std::string::npos) << row.reason;
}

TEST(Loss, AQuarantinedWorkerThatSucceedsAfterAllGetsWorkAgain) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 2);
  harness.submit(BrokerHarness::chains("long\na\nb\nc\nd\ne\nf"));
  const auto running = worker.assigned.front();
  worker.assigned.pop_front();
  for (int i = 0; i < 5; ++i) {
    harness.finish(worker, Outcome::kRuntimeError);
    harness.beat(worker);
    harness.advance(1s);
  }
  EXPECT_TRUE(worker.assigned.empty());
  worker.assigned.push_back(running);
  harness.finish(worker);
  EXPECT_FALSE(worker.assigned.empty());
}

TEST(Loss, WhatOneHostCannotStartIsTriedOnAnother) {
  BrokerHarness harness;
  FakeWorker& sick = harness.worker("sick");
  harness.submit(BrokerHarness::chains("a"));
  harness.finish(sick, Outcome::kRuntimeError);
  FakeWorker& busy = harness.worker("healthy");
  harness.beat(sick);
  harness.advance(2s);
  EXPECT_TRUE(sick.assigned.empty());
  EXPECT_EQ(busy.assigned.size(), 1u);
}

TEST(Loss, AWorkerThatLeavesGetsNothingNewAndWearsNothingOut) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 2);
  const auto pipeline = harness.submit(BrokerHarness::chains("a\nb\nc")).pipeline;
  harness.say(worker, protocol::Leaving{worker.session});
  protocol::AttemptResult returned;
  returned.task = worker.assigned.front().task;
  returned.attempt = 1;
  returned.outcome = Outcome::kReturned;
  worker.assigned.clear();
  harness.send_result(worker, returned);
  EXPECT_TRUE(worker.assigned.empty());
  EXPECT_EQ(harness.status(pipeline).row.failed, 0u);
  worker.instance = 2;
  harness.worker("w", 2);
  EXPECT_EQ(worker.assigned.size(), 2u);
}

TEST(Loss, TwoArtifactsMissedByTwoConsumersAtOnceEndWell) {
  // c needs a and b, d needs a; each finds another artifact missing while both run.
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  auto submission = BrokerHarness::chains("a\nb\nc\nd");
  submission.tasks[2].dependencies = {0, 1};
  submission.tasks[3].dependencies = {0};
  const auto pipeline = harness.submit(submission).pipeline;
  const auto end = [&](std::uint64_t task, Outcome outcome, const std::string& artifact) {
    for (auto it = worker.assigned.begin(); it != worker.assigned.end(); ++it) {
      if (it->task != TaskId{task}) continue;
      protocol::AttemptResult result;
      result.task = it->task;
      result.attempt = it->attempt;
      result.outcome = outcome;
      result.started_at = 1;
      (outcome == Outcome::kSucceeded ? result.artifact : result.missing_input) = sha256(artifact);
      worker.assigned.erase(it);
      harness.send_result(worker, result);
      return;
    }
    ADD_FAILURE() << "task " << task << " does not run";
  };
  end(1, Outcome::kSucceeded, "A");
  end(2, Outcome::kSucceeded, "B");
  for (int i = 0; i < 2; ++i) {
    end(3, Outcome::kInputMissing, "B");
    end(2, Outcome::kSucceeded, "B");
  }
  end(4, Outcome::kInputMissing, "A");
  end(3, Outcome::kInputMissing, "B");
  EXPECT_EQ(harness.task(TaskId{3}).status, 4u) << "b was lost too often";
  end(1, Outcome::kSucceeded, "A");
  end(4, Outcome::kSucceeded, "D");
  EXPECT_EQ(harness.status(pipeline).row.pending, 0u);
}

TEST(Loss, AProducerThatFailsWhenRunAgainEndsItsWaitingConsumers) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  const auto pipeline = harness.submit(BrokerHarness::chains("a b\na c")).pipeline;
  harness.finish(worker, Outcome::kSucceeded, "A");
  const auto second = worker.assigned.back();
  worker.assigned.pop_back();
  protocol::AttemptResult missing;
  missing.task = worker.assigned.front().task;
  missing.attempt = 1;
  missing.outcome = Outcome::kInputMissing;
  missing.missing_input = sha256("A");
  worker.assigned.clear();
  harness.send_result(worker, missing);
  harness.finish(worker, Outcome::kExitCode);  // a, the second time
  protocol::AttemptResult returned;
  returned.task = second.task;
  returned.attempt = second.attempt;
  returned.outcome = Outcome::kReturned;
  harness.send_result(worker, returned);
  const auto row = harness.status(pipeline).row;
  EXPECT_EQ(row.state, protocol::PipelineState::kFailed);
  EXPECT_EQ(row.skipped, 2u);
}

TEST(Loss, ALostArtifactMakesItsProducerRunAgain) {
  BrokerHarness harness(20s);
  FakeWorker& first = harness.worker("first");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b c")).pipeline;
  harness.finish(first, Outcome::kSucceeded, "A");
  harness.finish(first, Outcome::kSucceeded, "B");
  harness.advance(30s);  // first is lost, with A and B and the running c
  FakeWorker& second = harness.worker("second");
  ASSERT_EQ(second.assigned.size(), 1u);
  EXPECT_EQ(second.specs.back().tool, "a");
  harness.finish(second, Outcome::kSucceeded, "A");
  EXPECT_EQ(second.specs.back().tool, "b") << "B is gone too";
  harness.finish(second, Outcome::kSucceeded, "B");
  ASSERT_EQ(second.specs.back().tool, "c");
  EXPECT_EQ(second.assigned.front().inputs.size(), 2u);
  harness.finish(second, Outcome::kSucceeded, "C");
  EXPECT_EQ(harness.status(pipeline).row.state, protocol::PipelineState::kCompleted);
}

TEST(Loss, OnlyTheLostProducerRunsAgainNotWhatIsBetween) {
  BrokerHarness harness(20s);
  FakeWorker& first = harness.worker("first");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b c")).pipeline;
  FakeWorker& second = harness.worker("second");
  harness.finish(first, Outcome::kSucceeded, "A");
  // b ran where A is; c's worker reports A missing although B can be had.
  FakeWorker& with_b = first.assigned.empty() ? second : first;
  harness.finish(with_b, Outcome::kSucceeded, "B");
  FakeWorker& with_c = first.assigned.empty() ? second : first;
  ASSERT_EQ(with_c.specs.back().tool, "c");
  protocol::AttemptResult missing;
  missing.task = with_c.assigned.front().task;
  missing.attempt = 1;
  missing.outcome = Outcome::kInputMissing;
  missing.missing_input = sha256("A");
  with_c.assigned.clear();
  harness.send_result(with_c, missing);
  FakeWorker& with_a = first.assigned.empty() ? second : first;
  ASSERT_EQ(with_a.assigned.size(), 1u);
  EXPECT_EQ(with_a.specs.back().tool, "a");
  harness.finish(with_a, Outcome::kSucceeded, "A");
  FakeWorker& last = first.assigned.empty() ? second : first;
  ASSERT_EQ(last.assigned.size(), 1u);
  EXPECT_EQ(last.specs.back().tool, "c") << "b kept its artifact";
  harness.finish(last, Outcome::kSucceeded, "C");
  EXPECT_EQ(harness.status(pipeline).row.state, protocol::PipelineState::kCompleted);
}

TEST(Loss, NothingIsMadeAgainForATaskThatIsSkipped) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  const auto pipeline = harness.submit(BrokerHarness::chains("a d c\na d e")).pipeline;
  const TaskId a = harness.finish(worker, protocol::Outcome::kSucceeded, "of a");
  const TaskId d = harness.finish(worker, protocol::Outcome::kSucceeded, "of d");
  ASSERT_EQ(worker.assigned.size(), 2u);
  const auto misses = [&](const std::string& artifact) {
    protocol::AttemptResult result;
    result.task = worker.assigned.front().task;
    result.attempt = worker.assigned.front().attempt;
    result.outcome = protocol::Outcome::kInputMissing;
    result.missing_input = sha256(artifact);
    worker.assigned.pop_front();
    harness.send_result(worker, result);
  };
  misses("of d");
  ASSERT_EQ(worker.assigned.size(), 2u) << "d runs again; the other consumer still runs";
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{}, d});
  std::swap(worker.assigned[0], worker.assigned[1]);
  EXPECT_EQ(harness.finish(worker, protocol::Outcome::kCancelled), d);
  misses("of a");
  EXPECT_EQ(harness.status(pipeline).row.state, protocol::PipelineState::kFailed);
  EXPECT_EQ(harness.task(a).status, static_cast<std::uint8_t>(domain::TaskStatus::kCompleted));
}

TEST(Loss, AnInputOnAWorkerThatIsAwayIsWaitedForNotMadeAgain) {
  BrokerHarness harness(60s);
  FakeWorker& owner = harness.worker("owner");
  harness.submit(BrokerHarness::chains("a b\nc"));
  harness.finish(owner, Outcome::kSucceeded, "A");
  harness.say(owner, protocol::Goodbye{owner.session});
  FakeWorker& other = harness.worker("other");
  ASSERT_EQ(other.assigned.size(), 1u);
  EXPECT_EQ(other.specs.back().tool, "c") << "what needs nothing of it goes on";
  harness.finish(other);
  EXPECT_TRUE(other.assigned.empty());
  owner.instance = 2;
  owner.assigned.clear();
  harness.worker("owner");
  harness.beat(other);
  harness.advance(1s);
  EXPECT_EQ(owner.assigned.size() + other.assigned.size(), 1u);
  EXPECT_EQ(harness.task(TaskId{1}).attempts, 1u) << "a did not run again";
}

TEST(Loss, AnInputOnAWorkerThatStaysAwayIsMadeAgainAfterItsLease) {
  BrokerHarness harness(20s);
  FakeWorker& owner = harness.worker("owner");
  harness.submit(BrokerHarness::chains("a b"));
  harness.finish(owner, Outcome::kSucceeded, "A");
  harness.say(owner, protocol::Goodbye{owner.session});
  FakeWorker& other = harness.worker("other");
  for (int i = 0; i < 14; ++i) {
    harness.beat(other);
    harness.advance(2s);
  }
  ASSERT_EQ(other.assigned.size(), 1u);
  EXPECT_EQ(other.specs.back().tool, "a");
}

TEST(Loss, AnArtifactLostAgainAndAgainFailsItsConsumer) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  const auto pipeline = harness.submit(BrokerHarness::chains("a b")).pipeline;
  for (int i = 0; i < 3; ++i) {
    harness.finish(worker, Outcome::kSucceeded, "A");
    protocol::AttemptResult missing;
    missing.task = worker.assigned.front().task;
    missing.attempt = worker.assigned.front().attempt;
    missing.outcome = Outcome::kInputMissing;
    missing.missing_input = sha256("A");
    worker.assigned.clear();
    harness.send_result(worker, missing);
  }
  const auto row = harness.status(pipeline).row;
  EXPECT_EQ(row.state, protocol::PipelineState::kFailed);
  EXPECT_EQ(row.completed, 1u);
}

}  // namespace
}  // namespace landseer::broker
