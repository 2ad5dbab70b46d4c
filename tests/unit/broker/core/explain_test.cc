#include "broker/core/explain.h"

#include <gtest/gtest.h>

#include "tests/support/broker_harness.h"

namespace landseer::broker::testing {
namespace {

using protocol::Outcome;

protocol::Explanation explain(BrokerHarness& harness, std::uint64_t task) {
  return harness.ask_for<protocol::Explanation>(protocol::GetExplanation{TaskId{task}});
}

bool says(const std::vector<std::string>& reasons, const std::string& text) {
  return std::any_of(reasons.begin(), reasons.end(), [&](const std::string& reason) {
    return reason.find(text) != std::string::npos;
  });
}

protocol::Submission sharing(const std::string& text, const std::string& id) {
  protocol::Submission submission = BrokerHarness::chains(text, id);
  submission.use_cache = true;
  for (auto& tool : submission.tools) tool.image.clear();
  return submission;
}

void finish_all(BrokerHarness& harness, FakeWorker& worker) {
  for (int i = 0; !worker.assigned.empty(); ++i) {
    harness.finish(worker, Outcome::kSucceeded, "artifact " + std::to_string(i));
  }
}

TEST(Explain, ACachedTaskNamesWhoseResultItHas) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(sharing("a", "first"));
  finish_all(harness, worker);
  harness.submit(sharing("a", "second"));
  EXPECT_NE(explain(harness, 2).summary.find("task_1 (a) of pipeline_1"), std::string::npos);
}

TEST(Explain, AMissLeadsToTheToolThatWasChanged) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(sharing("a b c", "first"));
  finish_all(harness, worker);
  auto changed = sharing("a b c", "second");
  changed.tools[1].command = "run --faster";
  harness.submit(changed);
  finish_all(harness, worker);
  const auto why = explain(harness, 6);  // c
  EXPECT_EQ(number(why.compared_with), 3u);
  EXPECT_EQ(number(why.differs_at), 5u) << "b";
  ASSERT_EQ(why.differences.size(), 1u);
  EXPECT_EQ(why.differences[0], (protocol::Difference{"command", "run --faster", "run"}));
}

TEST(Explain, AConfigurationIsComparedEntryByEntry) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  auto first = sharing("a", "first");
  first.configs = {"{\"epochs\":10,\"lr\":0.1}"};
  harness.submit(first);
  finish_all(harness, worker);
  auto second = sharing("a", "second");
  second.configs = {"{\"epochs\":20,\"lr\":0.1,\"seed\":\"7\"}"};
  harness.submit(second);
  const auto why = explain(harness, 2);
  ASSERT_EQ(why.differences.size(), 2u);
  EXPECT_EQ(why.differences[0], (protocol::Difference{"config/epochs", "20", "10"}));
  EXPECT_EQ(why.differences[1], (protocol::Difference{"config/seed", "7", ""}));
}

TEST(Explain, WhatTheKeyDoesNotSay) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(sharing("a b", "first"));
  harness.finish(worker, Outcome::kSucceeded, "A");
  harness.finish(worker, Outcome::kSucceeded, "B");
  harness.say(worker, protocol::Dropped{worker.session, {sha256("A")}});
  harness.submit(sharing("a b", "second"));
  EXPECT_TRUE(says(explain(harness, 3).reasons, "on no worker any more"));
  harness.finish(worker, Outcome::kSucceeded, "A by another seed");
  const auto why = explain(harness, 4);
  ASSERT_EQ(why.differences.size(), 1u);
  EXPECT_EQ(why.differences[0].ingredient, "inputs");
  auto alone = sharing("a", "third");
  alone.use_cache = false;
  harness.submit(alone);
  EXPECT_TRUE(says(explain(harness, 5).reasons, "--no-cache"));
}

TEST(Explain, TheFirstOfItsKindSaysSo) {
  BrokerHarness harness;
  harness.submit(sharing("a", "first"));
  EXPECT_TRUE(says(explain(harness, 1).reasons, "no earlier pipeline"));
}

TEST(Explain, WhyAPendingTaskWaits) {
  BrokerHarness harness;
  harness.submit(sharing("a b", "first"));
  EXPECT_NE(explain(harness, 1).summary.find("no worker is connected"), std::string::npos);
  EXPECT_TRUE(says(explain(harness, 2).reasons, "task_1 (a) is pending"));
  harness.worker("w", 1);
  EXPECT_NE(explain(harness, 1).summary.find("it is assigned to w"), std::string::npos);
  auto large = sharing("big", "second");
  large.options[0].gpus_milli = 3000;
  harness.offer.gpus = {{0, "T4", 16}, {1, "T4", 16}};
  harness.worker("gpu", 1);
  harness.submit(large);
  const auto why = explain(harness, 3);
  EXPECT_NE(why.summary.find("no known worker can ever run"), std::string::npos);
  EXPECT_TRUE(says(why.reasons, "gpu has 2 GPUs (T4 with 16 B), it asks for 3 GPUs"));
  auto busy = sharing("other", "third");
  harness.submit(busy);
  harness.submit(sharing("another", "fourth"));
  EXPECT_TRUE(says(explain(harness, 5).reasons, "w, gpu each has 0 CPUs free, it asks for 1"));
  harness.submit(sharing("a", "fifth"));
  EXPECT_NE(explain(harness, 6).summary.find("waits for task_1 of another"), std::string::npos);
  EXPECT_EQ(harness.ask_in_vain(protocol::GetExplanation{TaskId{99}}).code, ErrorCode::kNotFound);
}

TEST(Explain, WhatIsAnotherOneOnAWorker) {
  BrokerHarness harness;
  auto submission = sharing("a\nb", "first");
  submission.dataset_name = "digits";
  harness.offer.datasets = {{"digits", "", sha256("one")}};
  harness.worker("right");
  harness.submit(submission);
  harness.offer.datasets = {{"digits", "", sha256("two")}};
  harness.worker("other", 4);
  harness.offer.datasets = {{"digits", ""}};
  harness.worker("unread", 4);
  const auto why = explain(harness, 2);
  EXPECT_TRUE(says(why.reasons, "right has 0 CPUs free"));
  EXPECT_TRUE(says(why.reasons, "other has another data set digits (" +
                                    sha256("two").hex().substr(0, 12) +
                                    ") than the pipeline began with (" +
                                    sha256("one").hex().substr(0, 12) + ")"));
  EXPECT_TRUE(says(why.reasons, "unread has not read its data set digits yet"));
}

TEST(Explain, APlanSaysWhatIsCachedAndKeepsNothing) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w");
  harness.submit(sharing("a b\na c", "first"));
  finish_all(harness, worker);
  auto chunk = BrokerHarness::chunk(sharing("a b\na d", "second"));
  chunk.plan_only = true;
  const auto plan = harness.ask_for<protocol::Submitted>(chunk);
  EXPECT_EQ(plan.tasks, 3u);
  EXPECT_EQ(plan.cached, 2u);
  EXPECT_EQ(number(plan.pipeline), 0u);
  EXPECT_EQ(harness.broker.state().pipelines.all().size(), 1u);
}

}  // namespace
}  // namespace landseer::broker::testing
