#include "tests/unit/worker/core/agent_fixture.h"

namespace landseer::worker {
namespace {

TEST_F(AgentTest, SaysHelloUntilItIsWelcomed) {
  advance(0s);
  EXPECT_EQ(sent<protocol::Hello>().size(), 1u);
  advance(400ms);
  EXPECT_EQ(sent<protocol::Hello>().size(), 1u);
  advance(3s);
  EXPECT_EQ(sent<protocol::Hello>().size(), 1u);
  welcome();
  EXPECT_TRUE(agent.connected());
  advance(1s);
  EXPECT_TRUE(sent<protocol::Hello>().empty());
}

TEST_F(AgentTest, ShowsAtOnceThatItHearsWhenOneHelloWasNotEnough) {
  advance(0s);
  advance(400ms);
  ASSERT_EQ(sent<protocol::Hello>().size(), 2u);
  welcome();
  advance(0s);
  EXPECT_EQ(sent<protocol::Heartbeat>().size(), 1u);
}

TEST_F(AgentTest, RunsAnAttemptFromAssignmentToAcknowledgedResult) {
  welcome();
  assign(1);
  ASSERT_EQ(take<Prepare>().size(), 1u);
  handle(Prepared{key(1), {sha256("input")}, {}});
  EXPECT_EQ(sent<protocol::Holding>().size(), 1u);
  ASSERT_EQ(take<worker::Run>().size(), 1u);
  handle(RunStarted{key(1), WallTime{100}});
  EXPECT_EQ(sent<protocol::Started>().size(), 1u);
  handle(ended(1, Outcome::kSucceeded));
  EXPECT_TRUE(sent<protocol::Results>().empty()) << "the output comes first";
  ASSERT_EQ(take<Capture>().size(), 1u);
  handle(Captured{key(1), sha256("output"), 6, "{\"accuracy\":1}", false, ""});
  const auto results = sent<protocol::Results>();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].session, 11u);
  EXPECT_EQ(results[0].results[0].epoch, 5u);
  EXPECT_EQ(results[0].results[0].artifact, sha256("output"));
  EXPECT_TRUE(take<Discard>().empty()) << "kept until the broker has it";
  hear(protocol::ResultsAck{11, {key(1)}});
  EXPECT_EQ(take<Discard>().size(), 1u);
  EXPECT_EQ(agent.attempts(), 0u);
}

TEST_F(AgentTest, MoreThanTheBrokerTakesAtOnceGoesInSeveralMessages) {
  welcome();
  assign(1);
  std::vector<Digest> fetched;
  for (std::uint32_t i = 0; i < protocol::kBatchMax + 3; ++i) {
    fetched.push_back(sha256(std::to_string(i)));
  }
  handle(Prepared{key(1), fetched, {}, 1000});
  const auto holding = sent<protocol::Holding>();
  ASSERT_EQ(holding.size(), 2u);
  EXPECT_EQ(holding[0].artifacts.size(), protocol::kBatchMax);
  EXPECT_EQ(holding[1].artifacts.back(), fetched.back());
  EXPECT_EQ(holding[0].bytes + holding[1].bytes, 1000u) << "counted once";
}

TEST_F(AgentTest, StartsOnlyWhatFitsAndTheNextWhenASlotIsFree) {
  welcome();
  for (std::uint64_t task = 1; task <= 3; ++task) {
    assign(task);
    handle(Prepared{key(task), {}, {}});
  }
  EXPECT_EQ(take<worker::Run>().size(), 2u);
  fail(1);
  const auto runs = take<worker::Run>();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].key, key(3));
}

TEST_F(AgentTest, NoopAttemptsEndAtOnceInOneMessage) {
  welcome();
  protocol::Assign m{11, 5, {}, {}};
  m.specs.resize(1);
  m.specs[0].runtime = "noop";
  for (std::uint64_t task = 1; task <= 100; ++task) {
    m.attempts.push_back({TaskId{task}, 1, PipelineId{1}, 0, "{}", {}});
  }
  hear(m);
  const auto results = sent<protocol::Results>();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].results.size(), 100u);
  EXPECT_TRUE(take<Prepare>().empty());
}

TEST_F(AgentTest, AnEvaluationWithoutItsArtifactsIsSkippedNotFailed) {
  welcome();
  assign(1);
  handle(Prepared{key(1), {}, {"watermark_key.json"}});
  EXPECT_TRUE(take<worker::Run>().empty());
  const auto results = sent<protocol::Results>();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].results[0].outcome, Outcome::kSucceeded);
  EXPECT_TRUE(results[0].results[0].evaluation_skipped);
  EXPECT_EQ(results[0].results[0].metrics, "{\"accuracy\":null}");
  EXPECT_NE(results[0].results[0].reason.find("watermark_key.json"), std::string::npos);
}

TEST_F(AgentTest, FailuresAreReportedWithTheirReason) {
  welcome();
  assign(1);
  handle(PrepareFailed{key(1), Outcome::kInputMissing, "no source", sha256("x")});
  run(2);
  handle(ended(2, Outcome::kSucceeded));
  handle(CaptureFailed{key(2), "a link in the output"});
  const auto results = sent<protocol::Results>();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].results[0].missing_input, sha256("x"));
  EXPECT_EQ(results[1].results[0].reason, "a link in the output");
}

TEST_F(AgentTest, AStoppedToolIsReportedOnlyWhenItIsGone) {
  welcome();
  run(1);
  hear(protocol::Stop{11, {key(1)}});
  EXPECT_EQ(take<StopRun>().size(), 1u);
  hear(protocol::Stop{11, {key(1)}});
  EXPECT_TRUE(take<StopRun>().empty()) << "once is enough";
  EXPECT_TRUE(sent<protocol::Results>().empty());
  handle(ended(1, Outcome::kCancelled));
  EXPECT_EQ(sent<protocol::Results>()[0].results[0].outcome, Outcome::kCancelled);
}

TEST_F(AgentTest, AWaitingAttemptIsCancelledAtOnce) {
  welcome();
  assign(1);
  hear(protocol::Stop{11, {key(1), key(9)}});
  EXPECT_EQ(sent<protocol::Results>().size(), 1u);
  handle(Prepared{key(1), {}, {}});
  EXPECT_TRUE(take<worker::Run>().empty());
}

TEST_F(AgentTest, HeartbeatsAreAnsweredByARenewedLease) {
  welcome();
  take<RenewLease>();
  advance(2s);
  const auto beats = sent<protocol::Heartbeat>();
  ASSERT_EQ(beats.size(), 1u);
  now.instant = now.instant + 1s;
  hear(protocol::HeartbeatReply{11, beats[0].number});
  const auto renewals = take<RenewLease>();
  ASSERT_EQ(renewals.size(), 1u);
  EXPECT_EQ(renewals[0].until, now.instant + (120s - 15s - 1s)) << "counted from when it was sent";
  hear(protocol::HeartbeatReply{11, beats[0].number - 1});
  hear(protocol::HeartbeatReply{10, beats[0].number});
  EXPECT_TRUE(take<RenewLease>().empty());
}

TEST_F(AgentTest, AnswersSlowerThanHeartbeatsRenewTheLease) {
  welcome();
  take<RenewLease>();
  for (int i = 0; i < 3; ++i) advance(2s);
  const auto beats = sent<protocol::Heartbeat>();
  ASSERT_EQ(beats.size(), 3u);
  hear(protocol::HeartbeatReply{11, beats[1].number});
  hear(protocol::HeartbeatReply{11, beats[0].number});  // late and of no use
  hear(protocol::HeartbeatReply{11, beats[2].number + 1});
  hear(protocol::HeartbeatReply{11, beats[2].number});
  const auto renewals = take<RenewLease>();
  ASSERT_EQ(renewals.size(), 2u);
  EXPECT_EQ(renewals[0].until, now.instant + (120s - 15s - 2s)) << "sent one heartbeat ago";
  EXPECT_EQ(renewals[1].until, now.instant + (120s - 15s));
}

TEST_F(AgentTest, AnExecutorThatIsStartedAnewIsToldTheLeaseThatIsThere) {
  EXPECT_EQ(agent.lease().until, Instant{}) << "nobody was heard yet: nothing may run";
  advance(0s);
  const Instant said = now.instant;
  now.instant = now.instant + 1s;
  welcome();
  EXPECT_EQ(agent.lease().until, said + (120s - 15s));
}

TEST_F(AgentTest, AnAssignmentThatComesTwiceIsRunOnce) {
  welcome();
  run(1);
  fail(1);
  hear(protocol::ResultsAck{11, {key(1)}});
  EXPECT_EQ(agent.attempts(), 0u);
  take<Prepare>();
  assign(1);
  EXPECT_TRUE(take<Prepare>().empty()) << "it is over";
  assign(2);
  EXPECT_EQ(take<Prepare>().size(), 1u);
}

TEST_F(AgentTest, AWelcomeThatComesTwiceTakesNothingAway) {
  welcome();
  run(1);
  welcome();  // its verdicts are older than the assignment
  EXPECT_TRUE(take<StopRun>().empty());
  fail(1);
  EXPECT_EQ(sent<protocol::Results>().size(), 1u);
}

TEST_F(AgentTest, AnAssignmentThatOvertakesItsWelcomeIsSettledByAnotherHello) {
  advance(0s);
  EXPECT_EQ(sent<protocol::Hello>().size(), 1u);
  assign(1);  // of session 11, of which nothing is known yet
  EXPECT_TRUE(take<Prepare>().empty());
  welcome(11);
  EXPECT_FALSE(agent.connected());
  EXPECT_EQ(sent<protocol::Hello>().size(), 1u) << "so that the broker hears what is missing";
  welcome(12);
  EXPECT_TRUE(agent.connected());
}

TEST_F(AgentTest, ASilentBrokerIsGreetedAgainWithWhatIsHeld) {
  welcome();
  run(1);
  for (int i = 0; i < 6; ++i) advance(2s);
  const auto hellos = sent<protocol::Hello>();
  ASSERT_FALSE(hellos.empty());
  ASSERT_EQ(hellos[0].held.size(), 1u);
  EXPECT_EQ(hellos[0].held[0].task, TaskId{1});
  EXPECT_TRUE(take<StopRun>().empty()) << "the tool goes on; the executor knows the lease";
}

TEST_F(AgentTest, UnacknowledgedResultsAreSentAgainInTheNextSession) {
  welcome();
  run(1);
  fail(1);
  EXPECT_EQ(sent<protocol::Results>().size(), 1u);
  hear(protocol::Rehello{});
  EXPECT_EQ(sent<protocol::Hello>().size(), 1u);
  welcome(12, 5, {{key(1), true}});
  const auto again = sent<protocol::Results>();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].session, 12u);
}

TEST_F(AgentTest, WhatTheBrokerGaveAwayIsStoppedAndNeverReported) {
  welcome();
  run(1);
  run(2);
  fail(2);
  sent<protocol::Results>();
  hear(protocol::Rehello{});
  welcome(12, 6, {{key(1), false}, {key(2), false}});
  EXPECT_EQ(take<StopRun>().size(), 1u);
  EXPECT_EQ(agent.attempts(), 1u);
  handle(ended(1, Outcome::kCancelled));
  EXPECT_EQ(agent.attempts(), 0u);
  EXPECT_TRUE(sent<protocol::Results>().empty());
}

TEST_F(AgentTest, MessagesOfAnotherSessionChangeNothing) {
  welcome();
  hear(protocol::Assign{99, 5, {{}}, {{TaskId{1}, 1, PipelineId{1}, 0, "{}", {}}}});
  hear(protocol::Assign{11, 4, {{}}, {{TaskId{1}, 1, PipelineId{1}, 0, "{}", {}}}});
  hear(protocol::Assign{11, 5, {}, {{TaskId{1}, 1, PipelineId{1}, 7, "{}", {}}}});
  EXPECT_EQ(agent.attempts(), 0u);
  run(1);
  hear(protocol::Stop{99, {key(1)}});
  hear(protocol::ResultsAck{99, {key(1)}});
  EXPECT_TRUE(take<StopRun>().empty());
  EXPECT_EQ(agent.attempts(), 1u);
}

TEST_F(AgentTest, LateEventsOfForgottenAttemptsAreIgnored) {
  welcome();
  handle(ended(7, Outcome::kSucceeded));
  handle(Prepared{key(7), {}, {}});
  handle(Captured{key(7), {}, 0, "", false, ""});
  EXPECT_TRUE(sent<protocol::Results>().empty());
}

TEST_F(AgentTest, ARefusalIsRemembered) {
  hear(protocol::Refused{ErrorCode::kVersion, "too old", "upgrade"});
  ASSERT_TRUE(agent.refused());
  EXPECT_EQ(agent.refused()->code, ErrorCode::kVersion);
}

TEST_F(AgentTest, AWelcomeToAnEarlierHelloIsNotBelieved) {
  advance(0s);
  advance(1s);
  protocol::Welcome late;
  late.session = 7;
  late.hello = 1;
  hear(late);
  EXPECT_FALSE(agent.connected());
}

TEST_F(AgentTest, SaysThatItLeavesBeforeItGivesAnythingBack) {
  welcome();
  assign(1);
  handle(ShutdownRequested{});
  bool leaving = false;
  for (const Send& send : take<Send>()) {
    leaving = leaving || std::holds_alternative<protocol::Leaving>(send.message);
    if (std::holds_alternative<protocol::Results>(send.message)) {
      EXPECT_TRUE(leaving);
    }
  }
  EXPECT_TRUE(leaving);
}

TEST_F(AgentTest, ShuttingDownGivesEverythingBackAndSaysGoodbye) {
  welcome();
  run(1);
  assign(2);
  handle(ShutdownRequested{});
  EXPECT_EQ(take<StopRun>().size(), 1u);
  auto results = sent<protocol::Results>();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].results[0].outcome, Outcome::kReturned);
  fail(1, Outcome::kCancelled);
  results = sent<protocol::Results>();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].results[0].outcome, Outcome::kReturned) << "not the task's fault";
  EXPECT_FALSE(agent.finished());
  hear(protocol::ResultsAck{11, {key(1), key(2)}});
  EXPECT_EQ(sent<protocol::Goodbye>().size(), 1u);
  EXPECT_TRUE(agent.finished());
}

TEST_F(AgentTest, StaysWhileTheBrokerSaysThatACheckpointIsWanted) {
  welcome();
  run(1);
  handle(ShutdownRequested{});
  handle(ended(1, Outcome::kCancelled));
  handle(CheckpointCaptured{key(1), sha256("state"), 5});
  hear(protocol::ResultsAck{11, {key(1)}});
  auto asked = sent<protocol::ReleaseRequest>();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].artifacts, std::vector<Digest>{sha256("state")});
  hear(protocol::Release{11, {}});
  EXPECT_FALSE(agent.finished());
  advance(agent.next_deadline() - now.instant);
  EXPECT_EQ(sent<protocol::ReleaseRequest>().size(), 1u) << "it asks again";
  EXPECT_TRUE(sent<protocol::Goodbye>().empty());
  hear(protocol::Release{11, {sha256("state")}});
  EXPECT_EQ(sent<protocol::Goodbye>().size(), 1u);
  EXPECT_TRUE(agent.finished());
  EXPECT_TRUE(take<RemoveArtifacts>().empty()) << "it may come back and go on with it";
}

TEST_F(AgentTest, StaysForACheckpointNoLongerThanItIsWaitedFor) {
  welcome();
  run(1);
  handle(ShutdownRequested{});
  handle(ended(1, Outcome::kCancelled));
  handle(CheckpointCaptured{key(1), sha256("state"), 5});
  hear(protocol::ResultsAck{11, {key(1)}});
  const Instant begun = now.instant;
  while (!agent.finished() && now.instant - begun < 60s) {
    hear(protocol::Release{11, {}});
    advance(agent.next_deadline() - now.instant);
  }
  EXPECT_EQ(sent<protocol::Goodbye>().size(), 1u);
  EXPECT_LT(now.instant - begun, 15s);
  EXPECT_GT(now.instant - begun, 10s);
}

TEST_F(AgentTest, AnAdoptedAttemptIsHeldOccupiesItsSlotAndIsReported) {
  AttemptJob job;
  job.key = key(1);
  job.spec.cpus_milli = 2000;
  agent.adopt(job, {});
  advance(0s);
  const auto hellos = sent<protocol::Hello>();
  ASSERT_EQ(hellos.size(), 1u);
  EXPECT_EQ(hellos[0].held, std::vector<AttemptKey>{key(1)});
  welcome(11, 5, {{key(1), true}});
  assign(2);
  handle(Prepared{key(2), {}, {}});
  EXPECT_TRUE(take<worker::Run>().empty()) << "no room beside it";
  handle(ended(1, Outcome::kSucceeded));
  EXPECT_EQ(take<Capture>().size(), 1u);
  EXPECT_EQ(take<worker::Run>().size(), 1u);
}

TEST_F(AgentTest, ShuttingDownWithoutABrokerDoesNotWaitForOne) {
  handle(ShutdownRequested{});
  EXPECT_TRUE(agent.finished());
}

}  // namespace
TEST_F(AgentTest, AnOfferThatChangesIsToldOnceAndBeforeResults) {
  advance(0s);
  welcome();
  effects.clear();
  agent.handle(worker::ImagesChanged{{{"registry/a:v1", sha256("a")}}}, now, effects);
  agent.handle(worker::FitnessChanged{"the disk is full"}, now, effects);
  assign(7, "noop");
  std::vector<std::size_t> order;
  for (const Effect& effect : effects) {
    if (const Send* send = std::get_if<Send>(&effect)) order.push_back(send->message.index());
  }
  const auto offers = sent<protocol::Offer>();
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].unfit, "the disk is full");
  EXPECT_EQ(offers[0].images.size(), 1u);
  EXPECT_EQ(order, (std::vector<std::size_t>{8, 3})) << "Offer, then Results";
  advance(0s);
  EXPECT_TRUE(sent<protocol::Offer>().empty());
}

TEST_F(AgentTest, HelloSaysWhatChangedMeanwhile) {
  agent.handle(worker::FitnessChanged{"the disk is full"}, now, effects);
  advance(0s);
  const auto hellos = sent<protocol::Hello>();
  ASSERT_EQ(hellos.size(), 1u);
  EXPECT_EQ(hellos[0].unfit, "the disk is full");
  handle(worker::FitnessChanged{""});
  welcome();
  const auto offers = sent<protocol::Offer>();
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].unfit, "");
}

TEST_F(AgentTest, WhatAToolLeftBeforeItFailedIsReportedWithTheFailure) {
  welcome();
  run(1);
  handle(ended(1, Outcome::kTimeout));
  EXPECT_TRUE(sent<protocol::Results>().empty()) << "not before its checkpoint is kept";
  handle(CheckpointCaptured{key(1), sha256("state"), 5});
  const auto results = sent<protocol::Results>();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].results[0].outcome, Outcome::kTimeout);
  EXPECT_EQ(results[0].results[0].checkpoint, sha256("state"));
  EXPECT_EQ(results[0].results[0].checkpoint_bytes, 5u);
}

TEST_F(AgentTest, RemovesOnlyWhatTheBrokerGivesUpAndNobodyHereUses) {
  const auto digest = [](const char* text) { return sha256(text); };
  welcome();
  run(1);
  handle(ended(1, Outcome::kSucceeded));
  handle(Captured{key(1), digest("result"), 1, "", false, ""});  // not acknowledged yet
  handle(StoreFull{{digest("result"), digest("a"), digest("b"), digest("c")}});
  const auto asked = sent<protocol::ReleaseRequest>();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].artifacts, (std::vector<Digest>{digest("a"), digest("b"), digest("c")}));
  hear(
      protocol::Assign{11, 5, {{}}, {{TaskId{2}, 1, PipelineId{1}, 0, "{}", {{digest("b"), {}}}}}});
  hear(protocol::Release{11, {digest("a"), digest("b"), digest("never asked for")}});
  const auto removed = take<RemoveArtifacts>();
  ASSERT_EQ(removed.size(), 1u);
  EXPECT_EQ(removed[0].released, std::vector<Digest>{digest("a")});
  EXPECT_EQ(removed[0].kept, (std::vector<Digest>{digest("result"), digest("b"), digest("c")}));
  const auto holding = sent<protocol::Holding>();
  ASSERT_EQ(holding.size(), 1u);
  EXPECT_EQ(holding[0].artifacts, std::vector<Digest>{digest("b")});
  hear(protocol::Release{11, {digest("c")}});
  EXPECT_TRUE(take<RemoveArtifacts>().empty()) << "it did not ask";
}

TEST_F(AgentTest, KeepsWhatItMadeAgainAfterItHadAsked) {
  welcome();
  run(1);
  handle(StoreFull{{sha256("same"), sha256("other")}});
  EXPECT_EQ(sent<protocol::ReleaseRequest>().size(), 1u);
  handle(ended(1, Outcome::kSucceeded));
  handle(Captured{key(1), sha256("same"), 1, "", false, ""});
  hear(protocol::ResultsAck{11, {key(1)}});
  hear(protocol::Release{11, {sha256("same"), sha256("other")}});  // overtaken
  const auto removed = take<RemoveArtifacts>();
  ASSERT_EQ(removed.size(), 1u);
  EXPECT_EQ(removed[0].released, std::vector<Digest>{sha256("other")});
  EXPECT_EQ(removed[0].kept, std::vector<Digest>{sha256("same")});
}

TEST_F(AgentTest, TellsWhatItMovedAndWhatItDoesNotHave) {
  welcome();
  assign(1);
  Prepared prepared{key(1), {sha256("a")}, {}};
  prepared.bytes_fetched = 17;
  handle(prepared);
  const auto holding = sent<protocol::Holding>();
  ASSERT_EQ(holding.size(), 1u);
  EXPECT_EQ(holding[0].bytes, 17u);
  assign(2);
  handle(PrepareFailed{key(2), Outcome::kInputMissing, "gone", sha256("x")});
  const auto dropped = sent<protocol::Dropped>();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].artifacts, std::vector<Digest>{sha256("x")});
}

}  // namespace landseer::worker
