/// Submissions that are built beside the core become what they would have been in it.
#include <algorithm>

#include "broker/core/trace_replay.h"
#include "tests/unit/broker/core/reuse_fixture.h"

namespace landseer::broker::testing {
namespace {

Settings built_beside() {
  Settings settings = BrokerHarness::make_settings(120s);
  settings.built_inline_bytes_max = 0;
  return settings;
}

struct Builds : ::testing::Test {
  Builds() : harness(built_beside()) { harness.builds_at_once = false; }

  void arrive(const protocol::Submission& submission) {
    harness.tell(BrokerHarness::chunk(submission));
    EXPECT_TRUE(harness.replies.empty()) << "it is not built yet";
  }
  /// Of the oldest one that waits, or the newest.
  protocol::ToClient finish(bool newest = false) {
    if (newest) std::rotate(harness.builds.begin(), harness.builds.end() - 1, harness.builds.end());
    harness.finish_build(build(harness.take_build()));
    EXPECT_EQ(harness.replies.size(), 1u);
    const protocol::ToClient reply = harness.replies.back().message;
    harness.replies.clear();
    return reply;
  }
  static ErrorCode code_of(const protocol::ToClient& reply) {
    const auto* error = std::get_if<protocol::ErrorReply>(&reply);
    return error != nullptr ? error->code : ErrorCode{};
  }

  BrokerHarness harness;
};

TEST_F(Builds, LeadToTheSameStateInWhateverOrderTheyEnd) {
  auto finish_first = BrokerHarness::chains("a b\na c\nd", "first");
  finish_first.policy = "finish-first";
  auto large = BrokerHarness::chains("e f\na b", "second");
  large.options[0].cpus_milli = 2000;
  large.name.clear();
  BrokerHarness inline_harness;
  for (const auto* each : {&large, &finish_first}) inline_harness.submit(*each);
  arrive(finish_first);
  arrive(large);
  EXPECT_EQ(std::get<protocol::Submitted>(finish(true)).pipeline, PipelineId{1});
  EXPECT_EQ(std::get<protocol::Submitted>(finish()).pipeline, PipelineId{2});
  for (auto* each : {&inline_harness, &harness}) {
    each->worker("w", 2);
    each->finish(each->workers["w"]);
  }
  EXPECT_EQ(state_digest(harness.broker.state()).hex(),
            state_digest(inline_harness.broker.state()).hex());
}

TEST_F(Builds, OfOneIdAreOnePipeline) {
  arrive(BrokerHarness::chains("a"));
  arrive(BrokerHarness::chains("a"));
  arrive(BrokerHarness::chains("b"));
  const auto first = std::get<protocol::Submitted>(finish());
  const auto second = std::get<protocol::Submitted>(finish());
  EXPECT_EQ(second.pipeline, first.pipeline);
  EXPECT_TRUE(second.existing);
  EXPECT_EQ(code_of(finish()), ErrorCode::kConflict);
}

TEST_F(Builds, AreAcceptedByWhatHoldsWhenTheyEnd) {
  arrive(BrokerHarness::chains("a"));
  harness.broker.handle(DiskSpace{true, 1, 2}, harness.now, harness.mail());
  EXPECT_EQ(code_of(finish()), ErrorCode::kLimit);
  EXPECT_EQ(harness.broker.state().ids.pipeline, 1u) << "and leave nothing behind";
}

TEST_F(Builds, ThatAreWrongSaySo) {
  harness.tell(protocol::SubmitChunk{"rubbish", 0, true, "rubbish"});
  EXPECT_EQ(code_of(finish()), ErrorCode::kInvalid);
  harness.tell(protocol::SubmitChunk{"other", 0, true,
                                     protocol::encode_submission(BrokerHarness::chains("a"))});
  EXPECT_EQ(code_of(finish()), ErrorCode::kInvalid);
}

TEST_F(Builds, MayAskForSoManyDifferentThings) {
  constexpr std::uint32_t kMost = 4096;
  const auto asking_for = [](std::uint32_t things) {
    protocol::Submission s = BrokerHarness::chains("a", std::to_string(things));
    s.options.clear();
    s.tasks.clear();
    s.workflows = {{"w", {}}};
    for (std::uint32_t i = 0; i < things; ++i) {
      s.options.emplace_back().cpus_milli = i + 1;
      s.configs.push_back("{\"n\":" + std::to_string(i) + "}");
      s.tasks.push_back({1, 0, i, i, {}});
      s.workflows[0].tasks.push_back(i);
    }
    return s;
  };
  harness.take_snapshots = false;
  arrive(asking_for(kMost + 1));
  EXPECT_EQ(code_of(finish()), ErrorCode::kLimit);
  arrive(asking_for(kMost));
  EXPECT_EQ(std::get<protocol::Submitted>(finish()).tasks, kMost);
}

TEST_F(Builds, ThatFindNoRoomAreToBeAskedForAgain) {
  arrive(BrokerHarness::chains("a"));
  Arrival refused = std::move(harness.take_build().arrival);
  refused.built = fail(ErrorCode::kBusy, "full", "broker", "again");
  harness.finish_build(std::move(refused));
  ASSERT_EQ(harness.replies.size(), 1u);
  const auto why = std::get<protocol::ErrorReply>(harness.replies.back().message);
  EXPECT_EQ(why.code, ErrorCode::kBusy);
  EXPECT_GT(why.retry_ms, 0u);
  harness.replies.clear();
  arrive(BrokerHarness::chains("a"));
  EXPECT_EQ(std::get<protocol::Submitted>(finish()).pipeline, PipelineId{1});
}

/// The replay, which every step is compared with, builds at the end.
TEST_F(Builds, RankByWhatWasLearnedMeanwhile) {
  harness.builds_at_once = true;
  FakeWorker& worker = harness.worker("w");
  harness.submit(BrokerHarness::chains("a\nb\nc", "before"));
  harness.builds_at_once = false;
  auto submission = BrokerHarness::chains("b c\na", "after");
  submission.policy = "finish-first";
  submission.options[0].time_estimate_ms = 1;
  arrive(submission);
  Arrival built = build(harness.take_build());
  while (!worker.assigned.empty()) harness.finish(worker);
  harness.finish_build(std::move(built));
  EXPECT_EQ(std::get<protocol::Submitted>(harness.replies.back().message).tasks, 3u);
  EXPECT_FALSE(harness.broker.state().times.expected().empty());
}

TEST_F(Builds, AreReplayedFromATrace) {
  std::vector<TraceStep> steps;
  BrokerHarness traced(built_beside());
  traced.broker.trace_to([&](const TraceStep& step) { steps.push_back(step); });
  traced.submit(BrokerHarness::chains("a b\nc"));
  traced.builds_at_once = false;
  traced.tell(BrokerHarness::chunk(BrokerHarness::chains("d", "refused")));
  Arrival refused = std::move(traced.take_build().arrival);
  refused.built = fail(ErrorCode::kBusy, "full", "broker", "again");
  traced.finish_build(std::move(refused));
  std::uint64_t fingerprint = 0;
  std::uint64_t to_clients = 0;
  TraceReplay replay([&](const TraceReplay::Decision& each) {
    if (each.kind == "state") fingerprint = each.peer;
    if (each.kind == "to_client") ++to_clients;
  });
  for (const TraceStep& step : steps) ASSERT_TRUE(replay.step(*decode_step(encode_step(step))));
  replay.finish();
  EXPECT_EQ(fingerprint, traced.broker.fingerprint());
  EXPECT_EQ(to_clients, 2u);
  TraceReplay wrong;
  ASSERT_TRUE(wrong.step(steps.front()));
  const auto built = std::find_if(steps.begin(), steps.end(), [](const TraceStep& step) {
    return step.kind == TraceKind::kBuilt;
  });
  ASSERT_NE(built, steps.end());
  EXPECT_FALSE(wrong.step(*built)) << "nobody asked for it";
}

/// Known results are looked for in slices, and are all found, also below others.
struct Slices : ::testing::Test {
  Slices()
      : harness([] {
          Settings settings = BrokerHarness::make_settings(120s);
          settings.hit_looks_max = 1;
          return settings;
        }()) {
    FakeWorker& worker = harness.worker("w");
    harness.submit(sharing(text, "first"));
    while (!worker.assigned.empty()) harness.finish(worker, Outcome::kSucceeded, "artifact");
  }
  protocol::Submitted again(const std::string& id, bool plan_only) {
    auto chunk = BrokerHarness::chunk(sharing(text + "\nx y", id));
    chunk.plan_only = plan_only;
    harness.tell(chunk);
    EXPECT_TRUE(harness.replies.empty()) << "one slice is not all";
    harness.advance(1ms);
    EXPECT_EQ(harness.replies.size(), 1u);
    const auto submitted = std::get<protocol::Submitted>(harness.replies.back().message);
    harness.replies.clear();
    return submitted;
  }
  /// Without the end of the turn, in which placement would take results, too.
  void hear(const protocol::FromClient& message) {
    const auto copy = protocol::decode_from_client(protocol::encode(message, 1));
    harness.broker.handle(FromClientPeer{PeerId{7}, ++number, copy->message, harness.caller},
                          harness.now, harness.mail());
  }
  const std::string text = "a b c\na d\ne";
  std::uint64_t number = 1000;
  BrokerHarness harness;
};

TEST_F(Slices, FindAllThatIsKnown) {
  EXPECT_EQ(again("plan", true).cached, 5u);
  const auto second = again("second", false);
  EXPECT_EQ(second.cached, 5u);
  EXPECT_EQ(harness.status(second.pipeline).row.cached, 5u);
}

TEST_F(Slices, LeaveAloneWhatIsPausedMeanwhile) {
  hear(BrokerHarness::chunk(sharing(text, "second")));
  const PipelineId second = harness.broker.state().pipelines.all().rbegin()->first;
  protocol::Selection last;
  last.pipeline = second;
  last.tool = "c";
  hear(protocol::PausePart{last, true, false});
  harness.advance(1ms);
  harness.replies.clear();
  EXPECT_EQ(harness.status(second).row.cached, 4u);
  harness.tell(protocol::PausePart{last, false, false});
  harness.advance(1ms);
  harness.replies.clear();
  EXPECT_EQ(harness.status(second).row.cached, 5u);
}

TEST_F(Slices, AreNotMoreThanAFew) {
  for (int i = 0; i < 200; ++i) {
    auto chunk = BrokerHarness::chunk(sharing(text, "plan" + std::to_string(i)));
    chunk.plan_only = true;
    hear(chunk);
  }
  std::size_t busy = 0;
  for (const ClientMail& mail : harness.mail().to_clients) {
    const auto* error = std::get_if<protocol::ErrorReply>(&mail.message);
    busy += error != nullptr && error->code == ErrorCode::kBusy && error->retry_ms > 0;
  }
  EXPECT_EQ(busy, 200u - 64u);
}

TEST_F(Slices, OfAPlanAreNotMixedUpWithPipelinesThatComeMeanwhile) {
  auto chunk = BrokerHarness::chunk(sharing(text, "plan"));
  chunk.plan_only = true;
  harness.tell(chunk);
  harness.tell(BrokerHarness::chunk(sharing("z", "small")));
  harness.advance(1ms);
  ASSERT_EQ(harness.replies.size(), 2u);
  for (const ClientMail& mail : harness.replies) {
    const auto& submitted = std::get<protocol::Submitted>(mail.message);
    EXPECT_EQ(submitted.cached, submitted.name == "plan" ? 5u : 0u) << submitted.name;
  }
}

}  // namespace
}  // namespace landseer::broker::testing
