/// Submissions wait until workers have looked whether what they offer is still true.
#include <algorithm>

#include "tests/unit/broker/core/reuse_fixture.h"

namespace landseer::broker::testing {
namespace {

struct Arrivals : ::testing::Test {
  Arrivals() { harness.offer.images = {{"image", sha256("old")}}; }

  /// One that has run the tool with the old image.
  FakeWorker& experienced(const std::string& name) {
    FakeWorker& worker = harness.worker(name);
    harness.submit(sharing("a", "first of " + name, "image"));
    finish_with(harness, worker, "A", sha256("old"));
    harness.answers_checks = false;
    return worker;
  }

  void arrive(const std::string& id, const std::string& image = "image") {
    harness.tell(BrokerHarness::chunk(sharing("a", id, image)));
  }

  void answer(FakeWorker& worker) {
    const std::uint64_t number = worker.checks.front().number;
    worker.checks.pop_front();
    harness.say(worker, protocol::ContentsChecked{worker.session, number});
  }

  /// Of the last submission that was answered.
  std::uint64_t cached() {
    EXPECT_EQ(harness.replies.size(), 1u);
    if (harness.replies.empty()) return ~std::uint64_t{0};
    const auto submitted = std::get<protocol::Submitted>(harness.replies.back().message);
    harness.replies.clear();
    return submitted.cached;
  }

  BrokerHarness harness;
};

TEST_F(Arrivals, WaitForTheWorkersTheyRelyOn) {
  FakeWorker& worker = experienced("w");
  arrive("second");
  ASSERT_EQ(worker.checks.size(), 1u);
  EXPECT_TRUE(harness.replies.empty());
  answer(worker);
  EXPECT_EQ(cached(), 1u);
}

TEST_F(Arrivals, AToolThatWasEditedJustBeforeIsNotTakenForTheOldOne) {
  FakeWorker& worker = experienced("w");
  arrive("second");
  harness.say(worker, protocol::Offer{worker.session, {}, {}, {{"image", {}}}, ""});
  answer(worker);
  EXPECT_EQ(cached(), 0u);
}

TEST_F(Arrivals, APlanIsAsCarefulAsASubmission) {
  FakeWorker& worker = experienced("w");
  protocol::SubmitChunk chunk = BrokerHarness::chunk(sharing("a", "second", "image"));
  chunk.plan_only = true;
  harness.tell(chunk);
  EXPECT_TRUE(harness.replies.empty());
  answer(worker);
  EXPECT_EQ(cached(), 1u);
}

TEST_F(Arrivals, AWorkerThatTakesTooLongIsNotReliedOnUntilItHasAnswered) {
  FakeWorker& worker = experienced("w");
  arrive("second");
  harness.advance(kContentsCheckMax);
  EXPECT_EQ(cached(), 0u) << "what it offers may be out of date";
  EXPECT_EQ(status(harness, 2), TaskStatus::kPending) << "nor is it known what would run";
  const auto why = harness.ask_for<protocol::Explanation>(protocol::GetExplanation{TaskId{2}});
  EXPECT_TRUE(std::any_of(why.reasons.begin(), why.reasons.end(), [](const std::string& reason) {
    return reason.find("takes long to look") != std::string::npos;
  }));
  answer(worker);
  EXPECT_EQ(status(harness, 2), TaskStatus::kCompleted) << "it is what it was";
}

TEST_F(Arrivals, ASilentWorkerDoesNotHoldThemUp) {
  FakeWorker& worker = experienced("w");
  harness.advance(30s);
  arrive("second");
  EXPECT_TRUE(worker.checks.empty());
  EXPECT_EQ(cached(), 1u) << "nobody who is here says that it is anything else";
}

TEST_F(Arrivals, WhoHasNothingThatIsNamedIsNotAsked) {
  FakeWorker& worker = experienced("w");
  arrive("second", "another image");
  EXPECT_TRUE(worker.checks.empty());
  EXPECT_EQ(cached(), 0u);
}

TEST_F(Arrivals, ANewConversationIsAskedAgain) {
  FakeWorker& worker = experienced("w");
  arrive("second");
  worker.checks.clear();
  harness.worker("w");
  ASSERT_EQ(worker.checks.size(), 1u);
  answer(worker);
  EXPECT_EQ(cached(), 1u);
}

TEST_F(Arrivals, AnAnswerToAnEarlierQuestionDoesNotCount) {
  FakeWorker& worker = experienced("w");
  arrive("second");
  arrive("third");
  ASSERT_EQ(worker.checks.size(), 2u);
  answer(worker);
  EXPECT_EQ(cached(), 1u);
  EXPECT_TRUE(harness.replies.empty());
  answer(worker);
  EXPECT_EQ(cached(), 1u);
}

TEST_F(Arrivals, TheSameSubmissionTwiceIsOnePipeline) {
  FakeWorker& worker = experienced("w");
  arrive("second");
  arrive("second");
  answer(worker);
  answer(worker);
  ASSERT_EQ(harness.replies.size(), 2u);
  const auto one = std::get<protocol::Submitted>(harness.replies[0].message);
  const auto two = std::get<protocol::Submitted>(harness.replies[1].message);
  EXPECT_EQ(one.pipeline, two.pipeline);
  EXPECT_TRUE(two.existing);
  arrive("second");
  EXPECT_TRUE(worker.checks.empty()) << "it is answered at once";
  EXPECT_EQ(harness.replies.size(), 3u);
}

TEST_F(Arrivals, TheOneThatWaitedLongestMakesRoom) {
  experienced("w");
  for (int i = 0; i < 256; ++i) arrive("waits " + std::to_string(i));
  EXPECT_TRUE(harness.replies.empty());
  arrive("one more");
  EXPECT_EQ(cached(), 0u) << "the first, without its answer";
}

struct DatasetArrivals : Arrivals {
  DatasetArrivals() {
    harness.offer.images.clear();
    harness.offer.datasets = {{"digits", "", sha256("old")}};
  }

  protocol::Submission reading(const std::string& id) {
    protocol::Submission submission = sharing("a", id);
    submission.dataset_name = "digits";
    return submission;
  }

  FakeWorker& experienced() {
    FakeWorker& worker = harness.worker("w");
    harness.submit(reading("first"));
    finish_with(harness, worker, "A", {}, sha256("old"));
    harness.answers_checks = false;
    return worker;
  }

  void offer(FakeWorker& worker, const Digest& content) {
    harness.say(worker, protocol::Offer{worker.session, {}, {{"digits", "", content}}, {}, ""});
  }
};

TEST_F(DatasetArrivals, AreSharedByContent) {
  FakeWorker& worker = experienced();
  harness.tell(BrokerHarness::chunk(reading("second")));
  ASSERT_EQ(worker.checks.size(), 1u);
  EXPECT_EQ(worker.checks.front().dataset, "digits");
  answer(worker);
  EXPECT_EQ(cached(), 1u);
}

TEST_F(DatasetArrivals, ADatasetThatIsReadAnewSharesNothingUntilItIsKnown) {
  FakeWorker& worker = experienced();
  harness.tell(BrokerHarness::chunk(reading("second")));
  offer(worker, {});
  answer(worker);
  EXPECT_EQ(cached(), 0u);
  EXPECT_TRUE(worker.assigned.empty()) << "the worker does not know what it has";
  offer(worker, sha256("new"));
  ASSERT_EQ(worker.assigned.size(), 1u) << "it runs, with the new data";
}

TEST_F(DatasetArrivals, ADatasetThatWasOnlyTouchedTakesWhatIsKnown) {
  FakeWorker& worker = experienced();
  harness.tell(BrokerHarness::chunk(reading("second")));
  offer(worker, {});
  answer(worker);
  EXPECT_EQ(cached(), 0u);
  offer(worker, sha256("old"));
  EXPECT_TRUE(worker.assigned.empty());
  EXPECT_EQ(status(harness, 2), TaskStatus::kCompleted);
}

TEST_F(DatasetArrivals, AWorkerThatTakesTooLongIsNotReliedOn) {
  experienced();
  harness.tell(BrokerHarness::chunk(reading("second")));
  harness.advance(kContentsCheckMax);
  EXPECT_EQ(cached(), 0u);
}

}  // namespace
}  // namespace landseer::broker::testing
