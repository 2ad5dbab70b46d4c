#include "broker/core/requirements.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

protocol::Submission asking(const std::string& id, const protocol::OptionsEntry& options,
                            const std::string& tools = "a") {
  auto submission = BrokerHarness::chains(tools, id);
  submission.options[0] = options;
  return submission;
}

bool says(const std::vector<std::string>& texts, const std::string& part) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const auto& text) { return text.find(part) != std::string::npos; });
}

TEST(Requirements, ATaskGoesWhereTheModelOfItsGpuIs) {
  BrokerHarness harness;
  protocol::OptionsEntry options;
  options.gpus_milli = 1000;
  options.gpu_model = "a100";
  harness.submit(asking("p", options));
  harness.offer.gpus = {{0, "Tesla T4", 16}};
  EXPECT_TRUE(harness.worker("small").assigned.empty());
  harness.offer.gpus = {{0, "Tesla T4", 16}, {1, "NVIDIA A100", 80}};
  FakeWorker& large = harness.worker("large");
  ASSERT_EQ(large.assigned.size(), 1u);
  EXPECT_EQ(large.specs.back().gpu_model, "a100");
}

TEST(Requirements, AMixedWorkerGivesNoMoreOfAModelThanItHas) {
  BrokerHarness harness;
  protocol::OptionsEntry options;
  options.gpus_milli = 1000;
  options.gpu_model = "a100";
  harness.submit(asking("p", options, "a\nb"));
  harness.offer.gpus = {{0, "Tesla T4", 16}, {1, "NVIDIA A100", 80}};
  EXPECT_EQ(harness.worker("w", 8).assigned.size(), 1u);
}

TEST(Requirements, EachRelationOfALabelIsHonoured) {
  const auto runs = [](protocol::LabelRule rule, std::map<std::string, std::string> labels) {
    BrokerHarness harness;
    protocol::OptionsEntry options;
    options.labels = {std::move(rule)};
    harness.submit(asking("p", options));
    harness.offer.labels = std::move(labels);
    return !harness.worker("w").assigned.empty();
  };
  EXPECT_TRUE(runs({"zone", 1, {"a", "b"}}, {{"zone", "b"}}));
  EXPECT_FALSE(runs({"zone", 1, {"a", "b"}}, {{"zone", "c"}}));
  EXPECT_FALSE(runs({"zone", 1, {"a"}}, {}));
  EXPECT_TRUE(runs({"zone", 2, {"a"}}, {{"zone", "b"}}));
  EXPECT_TRUE(runs({"zone", 2, {"a"}}, {}));
  EXPECT_FALSE(runs({"zone", 2, {"a"}}, {{"zone", "a"}}));
  EXPECT_TRUE(runs({"zone", 3, {}}, {{"zone", "a"}}));
  EXPECT_FALSE(runs({"zone", 3, {}}, {}));
  EXPECT_TRUE(runs({"zone", 4, {}}, {}));
  EXPECT_FALSE(runs({"zone", 4, {}}, {{"zone", "a"}}));
}

TEST(Requirements, ScratchAndNamedResourcesAreCommittedAndGivenBack) {
  BrokerHarness harness;
  protocol::OptionsEntry disk;
  disk.scratch_bytes = 60;
  harness.submit(asking("disk", disk, "a\nb"));
  protocol::OptionsEntry licence;
  licence.named = {{"licence_x", 2}};
  harness.submit(asking("licence", licence, "c\nd"));
  harness.offer.scratch_bytes = 100;
  harness.offer.named = {{"licence_x", 3}};
  FakeWorker& worker = harness.worker("w", 8);
  ASSERT_EQ(worker.assigned.size(), 2u);
  EXPECT_EQ(worker.specs[0].scratch_bytes, 60u);
  EXPECT_EQ(worker.specs[1].named, (std::vector<protocol::NamedAmount>{{"licence_x", 2}}));
  harness.finish(worker);
  EXPECT_EQ(worker.specs.back().tool, "b");
  harness.finish(worker);
  EXPECT_EQ(worker.specs.back().tool, "d");
}

TEST(Requirements, WhatTheBrokerHoldsIsSharedByAllWorkers) {
  Settings settings = BrokerHarness::make_settings(120s);
  settings.shared_resources = {{"matlab", 5}};
  BrokerHarness harness(settings);
  protocol::OptionsEntry options;
  options.named = {{"matlab", 2}};
  harness.submit(asking("p", options, "a\nb\nc"));
  FakeWorker& one = harness.worker("one", 8);
  EXPECT_EQ(one.assigned.size(), 2u);
  EXPECT_TRUE(one.specs[0].named.empty()) << "it is not the worker's";
  FakeWorker& two = harness.worker("two", 8);
  EXPECT_TRUE(two.assigned.empty()) << "one is left, two are asked for";
  const auto why = harness.ask_for<protocol::Explanation>(protocol::GetExplanation{TaskId{3}});
  EXPECT_TRUE(says(why.reasons, "the broker has 1 matlab free, it asks for 2"));
  auto rows = harness.ask_for<protocol::WorkerList>(protocol::ListWorkers{});
  EXPECT_EQ(rows.named, (std::vector<protocol::NamedRoom>{{"matlab", 5, 1}}));
  // Saying Hello again takes nothing twice.
  harness.worker("one", 8, {{5, TaskId{1}, 1}, {5, TaskId{2}, 1}});
  EXPECT_TRUE(two.assigned.empty());
  harness.finish(one);
  EXPECT_EQ(one.assigned.size() + two.assigned.size(), 2u);
}

TEST(Requirements, AHostRunsNoMoreTasksThanItsCap) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("a\nb\nc"));
  harness.offer.tasks_max = 2;
  FakeWorker& worker = harness.worker("w", 8);
  EXPECT_EQ(worker.assigned.size(), 2u);
  const auto why = harness.ask_for<protocol::Explanation>(protocol::GetExplanation{TaskId{3}});
  EXPECT_TRUE(says(why.reasons, "w runs 2 tasks, at most 2 are allowed there"));
  harness.finish(worker);
  EXPECT_EQ(worker.assigned.size(), 2u);
}

TEST(Requirements, WhatCanNeverRunIsToldOfAtOnceWithTheSmallestChange) {
  BrokerHarness harness;
  harness.offer.gpus = {{0, "Tesla T4", 16}, {1, "Tesla T4", 16}};
  harness.worker("small", 4);
  harness.offer.gpus.push_back({2, "Tesla T4", 16});
  harness.worker("nearest", 4);
  protocol::OptionsEntry options;
  options.gpus_milli = 4000;
  const auto submitted = harness.submit(asking("p", options));
  ASSERT_EQ(submitted.notices.size(), 1u);
  EXPECT_TRUE(
      says(submitted.notices, "nearest has 3 GPUs (Tesla T4 with 16 B), it asks for 4 GPUs"))
      << submitted.notices[0];
  EXPECT_TRUE(says(submitted.notices, "The smallest change: ask for at most 3 GPUs"))
      << submitted.notices[0];
  EXPECT_TRUE(says(harness.status(submitted.pipeline).notices, "1 tasks can never run"));
  const auto why = harness.ask_for<protocol::Explanation>(protocol::GetExplanation{TaskId{1}});
  EXPECT_NE(why.summary.find("ask for at most 3 GPUs"), std::string::npos) << why.summary;
  EXPECT_TRUE(says(why.reasons, "small has 2 GPUs"));
}

TEST(Requirements, ATaskThatIsNotReadyIsToldOfToo) {
  BrokerHarness harness;
  harness.worker("w", 4);
  auto submission = BrokerHarness::chains("a b");
  submission.options.push_back(submission.options[0]);
  submission.options[1].named = {{"licence_x", 1}};
  submission.tasks[1].options = 1;
  const auto submitted = harness.submit(submission);
  EXPECT_TRUE(says(submitted.notices, "ask for no licence_x"));
}

TEST(Requirements, NothingIsSaidBeforeAnyWorkerIsKnown) {
  BrokerHarness harness;
  protocol::OptionsEntry options;
  options.gpus_milli = 4000;
  EXPECT_TRUE(harness.submit(asking("p", options)).notices.empty());
}

TEST(Requirements, EqualWorkersAreToldOfTogether) {
  BrokerHarness harness;
  protocol::OptionsEntry options;
  options.cpus_milli = 8000;
  harness.submit(asking("p", options));
  for (const char* name : {"a", "b", "c"}) harness.worker(name, 4);
  const auto why = harness.ask_for<protocol::Explanation>(protocol::GetExplanation{TaskId{1}});
  EXPECT_TRUE(says(why.reasons, "a, b, c each has 4 CPUs, it asks for 8"));
}

/// What people are told is what placement does.
TEST(Requirements, NothingIsUnmetExactlyIfTheWorkerCanRunIt) {
  std::mt19937_64 random(7);
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  std::size_t possible = 0;
  for (int round = 0; round < 2000; ++round) {
    WorkerTable workers;
    WorkerRecord& worker = workers.add("w");
    worker.offer.name = "w";
    worker.offer.runtimes = {"process"};
    worker.offer.cpus_milli = static_cast<std::uint32_t>(1000 * below(4));
    worker.offer.memory_bytes = below(4);
    worker.offer.scratch_bytes = below(4);
    for (std::uint32_t i = 0; i < below(3); ++i) {
      worker.offer.gpus.push_back({i, below(2) == 0 ? "T4" : "A100", below(3), "", ""});
    }
    if (below(2) == 0) worker.offer.labels["zone"] = below(2) == 0 ? "a" : "b";
    if (below(2) == 0) worker.offer.named = {{"x", below(3)}};
    workers.reset_room(worker);
    Request request;
    request.resources.cpus_milli = static_cast<std::uint32_t>(1000 * below(3));
    request.resources.memory_bytes = below(3);
    request.resources.scratch_bytes = below(3);
    request.resources.gpus_milli = static_cast<std::uint32_t>(500 * below(4));
    request.resources.gpu_memory_bytes = below(2);
    if (below(3) == 0) request.resources.gpu_model = "t4";
    if (below(3) == 0) request.resources.labels = {{"zone", domain::LabelRelation::kOneOf, {"a"}}};
    if (below(3) == 0) request.resources.named = {{"x", 1 + below(2)}};
    const bool can = worker.can_run(request);
    possible += can ? 1 : 0;
    ASSERT_EQ(unmet_ever(worker, request).empty(), can) << "round " << round;
    ASSERT_EQ(can && unmet_now(worker, request).empty(), can && worker.has_room(request, 0));
  }
  EXPECT_GT(possible, 100u);
}

}  // namespace
}  // namespace landseer::broker
