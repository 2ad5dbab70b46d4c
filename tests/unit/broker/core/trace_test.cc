#include <gtest/gtest.h>

#include "broker/core/trace_replay.h"
#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using testing::BrokerHarness;

struct Traced {
  std::vector<TraceStep> steps;
  std::vector<std::string> records;  // as they were decided, encoded
  std::uint64_t fingerprint = 0;
};

/// Two pipelines, a failure, a lost worker, a cancelled task, a snapshot always under way.
Traced trace_something() {
  Traced traced;
  BrokerHarness harness;
  harness.broker.trace_to([&](const TraceStep& step) {
    const auto copy = decode_step(encode_step(step));
    ASSERT_TRUE(copy) << copy.error().to_string();
    EXPECT_EQ(*copy, step);
    traced.steps.push_back(*copy);
  });
  auto& w1 = harness.worker("w1", 2);
  auto& w2 = harness.worker("w2");
  harness.submit(BrokerHarness::chains("a b c\na d\ne"));
  harness.finish(w1, protocol::Outcome::kSucceeded, "artifact");
  harness.finish(w2, protocol::Outcome::kExitCode);
  harness.submit(BrokerHarness::chains("x y", "second"));
  harness.advance(std::chrono::seconds(200));
  harness.tell(protocol::Cancel{PipelineId{2}, TaskId{}});
  for (const Record& record : harness.records) traced.records.push_back(encode_record(record));
  traced.fingerprint = harness.broker.fingerprint();
  return traced;
}

TEST(Trace, ReplaysToTheSameDecisions) {
  const Traced traced = trace_something();
  std::vector<std::string> records;
  std::uint64_t others = 0;
  std::uint64_t fingerprint = 0;
  TraceReplay replay([&](const TraceReplay::Decision& each) {
    if (each.kind == "record") {
      records.emplace_back(each.bytes);
    } else if (each.kind == "state") {
      fingerprint = each.peer;
    } else {
      ++others;
    }
  });
  for (const TraceStep& step : traced.steps) ASSERT_TRUE(replay.step(step));
  EXPECT_EQ(records, traced.records);
  EXPECT_GT(others, 10u);
  const Digest digest = replay.finish();
  EXPECT_EQ(fingerprint, traced.fingerprint);
  TraceReplay again;
  for (const TraceStep& step : traced.steps) ASSERT_TRUE(again.step(step));
  EXPECT_EQ(again.finish(), digest);
}

TEST(Trace, AStepLessIsAnotherDigest) {
  const Traced traced = trace_something();
  std::set<std::string> digests;
  for (const std::size_t left_out : {std::size_t{0}, traced.steps.size() / 2}) {
    TraceReplay replay;
    for (std::size_t i = 0; i < traced.steps.size(); ++i) {
      const bool is_message = traced.steps[i].kind == TraceKind::kWorker;
      if (left_out != 0 && i >= left_out && is_message) break;
      ASSERT_TRUE(replay.step(traced.steps[i]));
    }
    digests.insert(replay.finish().hex());
  }
  EXPECT_EQ(digests.size(), 2u);
}

TEST(Trace, TheSecretStaysOutOfIt) {
  Settings settings;
  settings.secret = sha256("secret");
  settings.epoch = 9;
  settings.lease = std::chrono::seconds(77);
  const TraceStep step = trace_of(settings);
  const std::string secret(reinterpret_cast<const char*>(settings.secret.bytes.data()), 32);
  EXPECT_EQ(encode_step(step).find(secret), std::string::npos);
  const auto back = settings_of(step);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->epoch, 9u);
  EXPECT_EQ(back->lease, std::chrono::seconds(77));
}

TEST(Trace, WhatMakesNoSenseIsSaid) {
  TraceReplay early;
  EXPECT_FALSE(early.step(trace_of(TraceKind::kSettle, {})));
  TraceReplay replay;
  ASSERT_TRUE(replay.step(trace_of(Settings{})));
  EXPECT_FALSE(replay.step(trace_of(TraceKind::kSnapshotPart, {})));
  TraceStep rubbish = trace_of(TraceKind::kWorker, {});
  rubbish.bytes = "rubbish";
  EXPECT_FALSE(replay.step(rubbish));
  rubbish.kind = TraceKind::kRecord;
  EXPECT_FALSE(replay.step(rubbish));
  rubbish.kind = TraceKind::kItem;
  EXPECT_FALSE(replay.step(rubbish));
  EXPECT_FALSE(decode_step("rubbish"));
}

TEST(Trace, SettingsBeginAnotherLife) {
  const Traced traced = trace_something();
  std::uint64_t states = 0;
  TraceReplay replay([&](const TraceReplay::Decision& each) { states += each.kind == "state"; });
  for (int life = 0; life < 2; ++life) {
    for (const TraceStep& step : traced.steps) ASSERT_TRUE(replay.step(step));
  }
  replay.finish();
  EXPECT_EQ(states, 2u);
}

}  // namespace
}  // namespace landseer::broker
