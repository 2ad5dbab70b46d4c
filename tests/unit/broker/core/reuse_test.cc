/// Work shared between pipelines: results that are known, and attempts that serve several.
#include "broker/core/reuse.h"

#include "tests/unit/broker/core/reuse_fixture.h"

namespace landseer::broker::testing {
namespace {

TEST(Reuse, TheSamePipelineAgainRunsNothing) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(sharing("a b\na c", "first"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  harness.finish(worker, Outcome::kSucceeded, "B");
  harness.finish(worker, Outcome::kSucceeded, "C");
  const auto again = harness.submit(sharing("a b\na c", "second"));
  EXPECT_EQ(again.cached, 3u);
  EXPECT_TRUE(worker.assigned.empty());
  const auto row = harness.status(again.pipeline).row;
  EXPECT_EQ(row.state, protocol::PipelineState::kCompleted);
  EXPECT_EQ(row.workflows_completed, 2u);
  const auto task = harness.task(TaskId{5});
  EXPECT_TRUE(task.cached);
  EXPECT_EQ(number(task.cached_from), 2u);
  EXPECT_EQ(task.artifact, harness.task(TaskId{2}).artifact);
}

TEST(Reuse, AChangedToolRunsWithWhatIsBelowIt) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(sharing("a b c\na d", "first"));
  for (const char* artifact : {"A", "B", "D", "C"}) {
    harness.finish(worker, Outcome::kSucceeded, artifact);
  }
  auto changed = sharing("a b c\na d", "second");
  changed.tools[1].command = "run --faster";  // b
  const auto again = harness.submit(changed);
  EXPECT_EQ(again.cached, 2u) << "a and d";
  ASSERT_EQ(worker.assigned.size(), 1u);
  EXPECT_EQ(worker.specs.back().command, "run --faster");
  harness.finish(worker, Outcome::kSucceeded, "B2");
  EXPECT_EQ(worker.specs.back().tool, "c");
}

TEST(Reuse, OtherBytesFromTheSameWorkAreOtherInputs) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(sharing("a b", "first"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  harness.finish(worker, Outcome::kSucceeded, "B");
  harness.say(worker, protocol::Dropped{worker.session, {sha256("A")}});
  const auto again = harness.submit(sharing("a b", "second"));
  EXPECT_EQ(again.cached, 0u) << "nobody has the artifact of a any more";
  harness.finish(worker, Outcome::kSucceeded, "A by another seed");
  ASSERT_EQ(worker.assigned.size(), 1u) << "b has not seen this input";
  EXPECT_EQ(worker.specs.back().tool, "b");
}

TEST(Reuse, EqualBytesAgainAreTheSameInput) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(sharing("a b", "first"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  harness.finish(worker, Outcome::kSucceeded, "B");
  harness.say(worker, protocol::Dropped{worker.session, {sha256("A")}});
  const auto again = harness.submit(sharing("a b", "second"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  EXPECT_TRUE(worker.assigned.empty());
  EXPECT_EQ(harness.status(again.pipeline).row.cached, 1u);
}

TEST(Reuse, WithoutTheCacheNothingIsSharedEitherWay) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  auto alone = sharing("a", "first");
  alone.use_cache = false;
  harness.submit(alone);
  EXPECT_EQ(worker.assigned.size(), 1u);
  harness.submit(sharing("a", "second"));
  EXPECT_EQ(worker.assigned.size(), 2u) << "it does not join one that shares nothing";
  harness.finish(worker, Outcome::kSucceeded, "A");
  harness.finish(worker, Outcome::kSucceeded, "A");
  alone.submission_id = alone.name = "third";
  EXPECT_EQ(harness.submit(alone).cached, 0u);
  EXPECT_EQ(worker.assigned.size(), 1u);
}

TEST(Reuse, WorkThatIsUnderWayIsJoined) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  harness.submit(sharing("a b", "first"));
  const auto second = harness.submit(sharing("a b\na c", "second"));
  EXPECT_EQ(worker.assigned.size(), 1u);
  EXPECT_EQ(number(harness.task(TaskId{3}).joined), 1u);
  harness.finish(worker, Outcome::kSucceeded, "A");
  EXPECT_TRUE(harness.task(TaskId{3}).cached);
  ASSERT_EQ(worker.assigned.size(), 2u) << "b once, and c";
  harness.finish(worker, Outcome::kSucceeded, "B");
  harness.finish(worker, Outcome::kSucceeded, "C");
  const auto row = harness.status(second.pipeline).row;
  EXPECT_EQ(row.state, protocol::PipelineState::kCompleted);
  EXPECT_EQ(row.cached, 2u);
}

TEST(Reuse, AResultReachesThoseWhoseTurnHasNotCome) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 1);
  harness.submit(sharing("a\nx\ny", "first"));
  const auto second = harness.submit(sharing("a", "second"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  EXPECT_EQ(harness.status(second.pipeline).row.state, protocol::PipelineState::kCompleted)
      << "though the only place is taken by x";
}

TEST(Reuse, WhoJoinedFailsWithTheWork) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  harness.submit(sharing("a", "first"));
  harness.submit(sharing("a b", "second"));
  harness.finish(worker, Outcome::kExitCode);
  EXPECT_EQ(status(harness, 1), TaskStatus::kFailed);
  EXPECT_EQ(status(harness, 2), TaskStatus::kFailed);
  EXPECT_EQ(status(harness, 3), TaskStatus::kSkipped);
  EXPECT_NE(harness.task(TaskId{2}).reason.find("task_1 of pipeline_1"), std::string::npos);
}

TEST(Reuse, TheRetriesOfJoinedWorkAreCountedOnce) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  auto first = sharing("a", "first");
  auto second = sharing("a", "second");
  first.options[0].retries = second.options[0].retries = 1;
  harness.submit(first);
  harness.submit(second);
  harness.finish(worker, Outcome::kExitCode);
  EXPECT_TRUE(worker.assigned.empty()) << "both wait for the pause to be over";
  harness.ask_for<protocol::Paused>(protocol::Pause{PipelineId{1}, true});
  harness.advance(2s);
  ASSERT_EQ(worker.assigned.size(), 1u) << "for the second pipeline, as the first is paused";
  EXPECT_EQ(number(worker.assigned.front().task), 2u);
  harness.finish(worker, Outcome::kExitCode);
  EXPECT_EQ(status(harness, 2), TaskStatus::kFailed) << "one retry, not one for each pipeline";
}

TEST(Reuse, WhoNoLongerWaitsIsNotReleasedByTheEndOfThatWork) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  harness.submit(sharing("a", "first"));
  auto second = sharing("a", "second");
  second.options[0].retries = 1;
  harness.submit(second);
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{}, TaskId{2}});
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{1}, TaskId{}});
  harness.ask_for<protocol::Retried>(protocol::Retry{PipelineId{}, TaskId{2}});
  ASSERT_EQ(worker.assigned.size(), 2u) << "what is being stopped is not joined";
  std::swap(worker.assigned[0], worker.assigned[1]);
  harness.finish(worker, Outcome::kExitCode);
  harness.finish(worker, Outcome::kCancelled);
  EXPECT_TRUE(worker.assigned.empty()) << "the pause after its own failure is not over";
  harness.advance(2s);
  EXPECT_EQ(worker.assigned.size(), 1u);
}

TEST(Reuse, ACancelledOwnerLeavesTheAttemptToTheNext) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  harness.submit(sharing("a", "first"));
  const auto second = harness.submit(sharing("a b", "second"));
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{1}, TaskId{}});
  EXPECT_TRUE(worker.stopped.empty()) << "somebody still wants it";
  EXPECT_EQ(harness.status(PipelineId{1}).row.state, protocol::PipelineState::kCancelled);
  EXPECT_EQ(status(harness, 2), TaskStatus::kRunning);
  EXPECT_EQ(harness.ask_for<protocol::TaskDetail>(protocol::GetTask{TaskId{2}})
                .attempts.back()
                .origin_task,
            TaskId{1});
  harness.finish(worker, Outcome::kSucceeded, "A");
  EXPECT_EQ(status(harness, 2), TaskStatus::kCompleted);
  ASSERT_EQ(worker.acknowledged.size(), 1u);
  EXPECT_EQ(number(worker.acknowledged[0].task), 1u) << "by the name the worker knows";
  harness.finish(worker, Outcome::kSucceeded, "B");
  EXPECT_EQ(harness.status(second.pipeline).row.state, protocol::PipelineState::kCompleted);
}

TEST(Reuse, AnInheritedAttemptMayHaveAnotherNumber) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  auto first = sharing("a", "first");
  first.options[0].retries = 1;
  harness.submit(first);
  harness.finish(worker, Outcome::kExitCode);
  harness.advance(2s);
  harness.submit(sharing("a", "second"));
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{1}, TaskId{}});
  const auto attempts =
      harness.ask_for<protocol::TaskDetail>(protocol::GetTask{TaskId{2}}).attempts;
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_EQ(attempts[0].attempt, 1u);
  EXPECT_EQ(attempts[0].origin_attempt, 2u);
  harness.finish(worker, Outcome::kSucceeded, "A");
  EXPECT_EQ(status(harness, 2), TaskStatus::kCompleted);
}

TEST(Reuse, AnInheritedAttemptKeepsTheRoomThatItWasGiven) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  auto first = sharing("a", "first");
  first.options[0].cpus_milli = 3000;
  harness.submit(first);
  harness.submit(sharing("a", "second"));
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{1}, TaskId{}});
  auto other = sharing("b", "other");
  other.options[0].cpus_milli = 2000;
  harness.submit(other);
  EXPECT_EQ(worker.assigned.size(), 1u) << "one CPU is free, though the second asked for one";
  harness.finish(worker, Outcome::kSucceeded, "A");
  EXPECT_EQ(worker.assigned.size(), 1u) << "b";
}

TEST(Reuse, WhoLostAnInputMeanwhileDoesNotInherit) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  harness.submit(sharing("a b", "first"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  harness.submit(sharing("a b\na c", "second"));
  ASSERT_EQ(worker.assigned.size(), 2u) << "b for the first pipeline, c for the second";
  const protocol::Assignment c = worker.assigned.back();
  worker.assigned.pop_back();
  protocol::AttemptResult result;
  result.epoch = worker.epoch;
  result.task = c.task;
  result.attempt = c.attempt;
  result.outcome = Outcome::kInputMissing;
  result.missing_input = sha256("A");
  harness.send_result(worker, result);
  ASSERT_EQ(status(harness, 4), TaskStatus::kPending) << "b waits for the first, its input is gone";
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{1}, TaskId{}});
  EXPECT_EQ(worker.stopped.size(), 1u) << "nobody can go on with it";
  EXPECT_EQ(status(harness, 4), TaskStatus::kPending);
}

TEST(Reuse, TheProcessDiesWithTheLastWhoWantsIt) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  harness.submit(sharing("a", "first"));
  harness.submit(sharing("a", "second"));
  harness.submit(sharing("a", "third"));
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{}, TaskId{1}});
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{2}, TaskId{}});
  EXPECT_TRUE(worker.stopped.empty());
  EXPECT_EQ(status(harness, 3), TaskStatus::kRunning);
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{3}, TaskId{}});
  ASSERT_EQ(worker.stopped.size(), 1u);
  EXPECT_EQ(number(worker.stopped[0].task), 1u);
  harness.finish(worker, Outcome::kCancelled);
  EXPECT_EQ(status(harness, 3), TaskStatus::kCancelled);
}

TEST(Reuse, APausedPipelineClaimsNothing) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  harness.submit(sharing("a", "first"));
  harness.submit(sharing("a", "second"));
  harness.ask_for<protocol::Paused>(protocol::Pause{PipelineId{2}, true});
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{1}, TaskId{}});
  EXPECT_EQ(worker.stopped.size(), 1u);
  harness.finish(worker, Outcome::kCancelled);
  EXPECT_TRUE(worker.assigned.empty());
  harness.ask_for<protocol::Paused>(protocol::Pause{PipelineId{2}, false});
  EXPECT_EQ(worker.assigned.size(), 1u);
}

TEST(Reuse, AWorkerWithAHandedOverAttemptIsBelievedAfterARestart) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  harness.submit(sharing("a", "first"));
  harness.submit(sharing("a", "second"));
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{1}, TaskId{}});
  // The same conversation anew: it names the attempt as it was assigned.
  FakeWorker& back = harness.worker("w", 4, {{5, TaskId{1}, 1}});
  ASSERT_EQ(back.verdicts.size(), 1u);
  EXPECT_TRUE(back.verdicts[0].keep);
  EXPECT_EQ(status(harness, 2), TaskStatus::kRunning);
  static_cast<void>(worker);
}

TEST(Reuse, LostWithItsWorkerTheWorkIsDoneOnceMore) {
  BrokerHarness harness;
  harness.worker("first", 4);
  harness.submit(sharing("a", "first"));
  harness.submit(sharing("a", "second"));
  harness.advance(200s);  // longer than a lease
  FakeWorker& other = harness.worker("other", 4);
  EXPECT_EQ(other.assigned.size(), 1u);
  harness.finish(other, Outcome::kSucceeded, "A");
  EXPECT_EQ(status(harness, 1), TaskStatus::kCompleted);
  EXPECT_EQ(status(harness, 2), TaskStatus::kCompleted);
}

TEST(Reuse, AfterARestartWorkOfAWorkerThatHasNotComeBackIsJoined) {
  BrokerHarness before;
  before.offer.images = {{"image", sha256("content")}};
  before.worker("w", 4);
  before.submit(sharing("a", "first", "image"));
  BrokerHarness after;
  for (const Record& record : before.records) {
    ASSERT_TRUE(after.broker.replay(record, after.now));
    after.records.push_back(record);
  }
  after.broker.end_replay(after.now);
  after.offer.images = before.offer.images;
  FakeWorker& other = after.worker("other", 4);
  after.submit(sharing("a", "second", "image"));
  EXPECT_TRUE(other.assigned.empty()) << "the worker may come back with it";
  EXPECT_EQ(number(after.task(TaskId{2}).joined), 1u);
}

// --- Contents ---

TEST(Reuse, ReleasesOnlyWhatNoLivePipelineNeeds) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 1);
  harness.submit(sharing("a b c\na d", "first"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  const auto ask = [&](std::vector<Digest> artifacts) {
    worker.released.clear();
    harness.say(worker, protocol::ReleaseRequest{worker.session, std::move(artifacts)});
    return worker.released;
  };
  EXPECT_TRUE(ask({sha256("A")}).empty());
  EXPECT_EQ(ask({sha256("nobody's")}), std::vector{sha256("nobody's")});
  harness.finish(worker, Outcome::kSucceeded, "B");
  harness.finish(worker, Outcome::kSucceeded, "C");
  EXPECT_EQ(ask({sha256("A"), sha256("B"), sha256("C")}), std::vector{sha256("B")})
      << "d reads a; c is the end of a workflow";
  harness.finish(worker, Outcome::kSucceeded, "D");
  EXPECT_EQ(ask({sha256("A"), sha256("C")}).size(), 2u) << "the pipeline is over";
  EXPECT_EQ(harness.submit(sharing("a b c\na d", "second")).cached, 0u)
      << "what was released is not counted on";
}

TEST(Reuse, WorkersOfOneStoreHaveTheSameArtifacts) {
  BrokerHarness harness;
  harness.offer.store_id = "lab";
  FakeWorker& first = harness.worker("first");
  harness.submit(sharing("a b", "first"));
  harness.finish(first, Outcome::kSucceeded, "A");
  harness.say(first, protocol::Leaving{first.session});
  harness.finish(first, Outcome::kReturned);
  harness.say(first, protocol::Goodbye{first.session});
  FakeWorker& second = harness.worker("second");
  ASSERT_EQ(second.assigned.size(), 1u) << "nothing is made again";
  ASSERT_EQ(second.assigned[0].inputs.size(), 1u);
  EXPECT_TRUE(second.assigned[0].inputs[0].sources.empty()) << "it has it itself";
}

TEST(Reuse, AnotherPipelinesCachedResultIsNeededToo) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 1);
  harness.submit(sharing("a", "first"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  harness.submit(sharing("a b", "second"));
  harness.say(worker, protocol::ReleaseRequest{worker.session, {sha256("A")}});
  EXPECT_TRUE(worker.released.empty());
}

TEST(Reuse, AForgottenPipelinesResultsAreForgotten) {
  Settings settings = BrokerHarness::make_settings(120s);
  settings.pipelines_max = 1;
  BrokerHarness harness(settings);
  harness.take_snapshots = false;
  FakeWorker& worker = harness.worker("w", 1);
  harness.submit(sharing("a", "first"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  EXPECT_EQ(harness.submit(sharing("b", "second")).cached, 0u);
  harness.finish(worker, Outcome::kSucceeded, "B");
  EXPECT_EQ(harness.broker.state().artifacts.size(), 1u);
  EXPECT_EQ(harness.broker.state().pipelines.keys().size(), 1u);
}

TEST(Reuse, ACheckpointMovesWithItsTask) {
  BrokerHarness harness;
  FakeWorker& first = harness.worker("first", 1);
  harness.submit(sharing("a", "first"));
  harness.say(first, protocol::Leaving{first.session});
  protocol::AttemptResult result;
  result.task = TaskId{1};
  result.attempt = 1;
  result.outcome = Outcome::kReturned;
  result.started_at = 1;
  result.checkpoint = sha256("half way");
  result.checkpoint_bytes = 100;
  harness.send_result(first, result);
  const auto may_leave = [&] {
    first.released.clear();
    harness.say(first, protocol::ReleaseRequest{first.session, {sha256("half way")}});
    return !first.released.empty();
  };
  EXPECT_TRUE(may_leave()) << "there is nobody to wait for";
  FakeWorker& second = harness.worker("second", 1);
  ASSERT_EQ(second.assigned.size(), 1u);
  EXPECT_EQ(second.assigned[0].checkpoint.artifact, sha256("half way"));
  EXPECT_EQ(second.assigned[0].checkpoint.sources, std::vector<std::string>{"tcp://first"});
  EXPECT_FALSE(may_leave()) << "it may be fetched";
  harness.finish(second, Outcome::kReturned);
  second.assigned.clear();
  EXPECT_FALSE(may_leave()) << "the same again";
  harness.say(second, protocol::Started{second.session, {{{second.epoch, TaskId{1}, 3}, 1}}});
  EXPECT_TRUE(may_leave()) << "it has begun";
  harness.say(second, protocol::Leaving{second.session});
  result.attempt = 3;
  result.checkpoint = {};
  harness.send_result(second, result);
  EXPECT_TRUE(may_leave()) << "nobody takes work";
  FakeWorker& third = harness.worker("third", 1);
  ASSERT_EQ(third.assigned.size(), 1u);
  EXPECT_EQ(third.assigned[0].checkpoint.sources, std::vector<std::string>{"tcp://first"})
      << "what it said it may leave is still there while it is";
  EXPECT_FALSE(may_leave());
  harness.say(third, protocol::Holding{third.session, {sha256("half way")}, 100});
  EXPECT_TRUE(may_leave()) << "another has it";
}

TEST(Reuse, NobodyWaitsForATaskThatIsHeldUpElsewhere) {
  BrokerHarness harness;
  FakeWorker& first = harness.worker("first", 1);
  FakeWorker& busy = harness.worker("busy", 1);
  const auto pipeline = harness.submit(sharing("a\nb", "first")).pipeline;
  harness.say(first, protocol::Leaving{first.session});
  protocol::AttemptResult result;
  result.task = first.assigned.front().task;
  result.attempt = 1;
  result.outcome = Outcome::kReturned;
  result.checkpoint = sha256("half way");
  harness.send_result(first, result);
  const auto may_leave = [&] {
    first.released.clear();
    harness.say(first, protocol::ReleaseRequest{first.session, {sha256("half way")}});
    return !first.released.empty();
  };
  EXPECT_FALSE(may_leave()) << "the busy one may become free";
  harness.ask(protocol::Pause{pipeline, true});
  EXPECT_TRUE(may_leave()) << "nothing starts in a paused pipeline";
  EXPECT_EQ(busy.assigned.size(), 1u);
}

}  // namespace
}  // namespace landseer::broker::testing
