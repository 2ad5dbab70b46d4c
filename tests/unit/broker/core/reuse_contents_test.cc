/// What names of images and data sets stand for, and what is shared by that.
#include "tests/unit/broker/core/reuse_fixture.h"

namespace landseer::broker::testing {
namespace {

TEST(ReuseContents, TheFirstWorkerThatKnowsBindsTheImage) {
  BrokerHarness harness;
  harness.offer.images = {{"image", sha256("old")}};
  FakeWorker& first = harness.worker("first");
  harness.offer.images = {{"image", sha256("new")}};
  FakeWorker& second = harness.worker("second");
  harness.submit(sharing("a\nb", "first", "image"));
  EXPECT_EQ(first.specs.back().image_content, sha256("old"));
  EXPECT_TRUE(second.assigned.empty()) << "there the name stands for something else";
  finish_with(harness, first, "A", sha256("old"));
  EXPECT_EQ(first.assigned.size(), 1u);
}

TEST(ReuseContents, AHostThatFailedIsTriedAgainWhileTheOthersHaveAnotherImage) {
  BrokerHarness harness;
  harness.offer.images = {{"image", sha256("old")}};
  FakeWorker& first = harness.worker("first");
  harness.submit(sharing("a", "first", "image"));
  harness.offer.images = {{"image", sha256("new")}};
  harness.worker("second");
  harness.finish(first, Outcome::kRuntimeError);
  harness.advance(2s);
  EXPECT_EQ(first.assigned.size(), 1u) << "nobody else can do it";
}

TEST(ReuseContents, AHitNeedsTheSameImage) {
  BrokerHarness harness;
  harness.offer.images = {{"image", sha256("old")}};
  FakeWorker& worker = harness.worker("w");
  harness.submit(sharing("a", "first", "image"));
  finish_with(harness, worker, "A", sha256("old"));
  EXPECT_EQ(harness.submit(sharing("a", "second", "image")).cached, 1u);
  harness.say(worker, protocol::Offer{worker.session, {}, {}, {{"image", sha256("new")}}, ""});
  EXPECT_EQ(harness.submit(sharing("a", "third", "image")).cached, 0u) << "the tool was edited";
  ASSERT_EQ(worker.assigned.size(), 1u);
  EXPECT_EQ(worker.specs.back().image_content, sha256("new"));
}

TEST(ReuseContents, WhatNeedsNoImageIsSharedWhateverTheImageIs) {
  BrokerHarness harness;
  harness.offer.images = {{"image", sha256("content")}};
  FakeWorker& worker = harness.worker("w");
  auto submission = sharing("nothing a", "first", "image");
  submission.tools[0].runtime = "noop";
  harness.submit(submission);
  harness.finish(worker, Outcome::kSucceeded);
  finish_with(harness, worker, "A", sha256("content"));
  submission.submission_id = submission.name = "second";
  EXPECT_EQ(harness.submit(submission).cached, 2u);
}

TEST(ReuseContents, WhatReadsNoDatasetIsSharedWhateverTheDatasetIs) {
  BrokerHarness harness;
  harness.offer.datasets = {{"digits", "", sha256("content")}};
  FakeWorker& worker = harness.worker("w");
  auto submission = sharing("nothing a", "first");
  submission.dataset_name = "digits";
  submission.tools[0].runtime = "noop";
  harness.submit(submission);
  harness.finish(worker, Outcome::kSucceeded);
  finish_with(harness, worker, "A", {}, sha256("content"));
  submission.submission_id = submission.name = "second";
  EXPECT_EQ(harness.submit(submission).cached, 2u);
}

TEST(ReuseContents, AnImageOfUnknownContentSharesNothing) {
  BrokerHarness harness;
  FakeWorker& worker = harness.worker("w", 4);
  harness.submit(sharing("a", "first", "image"));
  harness.submit(sharing("a", "second", "image"));
  EXPECT_EQ(worker.assigned.size(), 2u) << "somebody may edit the tool meanwhile";
  harness.finish(worker, Outcome::kSucceeded, "A");
  harness.finish(worker, Outcome::kSucceeded, "A");
  EXPECT_EQ(harness.submit(sharing("a", "third", "image")).cached, 0u);
}

TEST(ReuseContents, AnotherImageThanThePipelinesDoesNotCount) {
  BrokerHarness harness;
  FakeWorker& first = harness.worker("first");
  FakeWorker& second = harness.worker("second");
  harness.submit(sharing("a\nb", "first", "image"));
  harness.say(first, protocol::Offer{first.session, {}, {}, {{"image", sha256("old")}}, ""});
  harness.say(second, protocol::Offer{second.session, {}, {}, {{"image", sha256("new")}}, ""});
  EXPECT_TRUE(first.stopped.empty());
  EXPECT_TRUE(second.stopped.empty()) << "what runs goes on: its result says what it was made with";
  finish_with(harness, second, "B by another image", sha256("new"));
  EXPECT_NE(status(harness, 2), TaskStatus::kCompleted);
  finish_with(harness, first, "A", sha256("old"));
  harness.advance(2s);
  EXPECT_EQ(first.assigned.size(), 1u) << "the second task comes here";
}

/// A harness in which A of `first` was made with the image "old".
struct WithResult {
  BrokerHarness harness;
  FakeWorker* worker = nullptr;

  WithResult() {
    harness.offer.images = {{"image", sha256("old")}};
    worker = &harness.worker("worker");
    harness.submit(sharing("a", "first", "image"));
    finish_with(harness, *worker, "A", sha256("old"));
  }
  void offer(const protocol::ImageOffer& image) {
    harness.say(*worker, protocol::Offer{worker->session, {}, {}, {image}, ""});
  }
};

TEST(ReuseContents, AnImageThatChangedJustNowIsWaitedForAndTakesNothingOfBefore) {
  WithResult with;
  with.offer({"image", {}, {}});
  const std::size_t before = with.worker->assigned.size();
  EXPECT_EQ(with.harness.submit(sharing("a", "second", "image")).cached, 0u);
  EXPECT_EQ(with.worker->assigned.size(), before) << "nobody knows yet what it would run with";
  with.offer({"image", sha256("new"), {}});
  EXPECT_EQ(with.worker->assigned.size(), before + 1);
  EXPECT_EQ(with.worker->specs.back().image_content, sha256("new"));
}

TEST(ReuseContents, AnImageThatWasOnlyTouchedTakesWhatIsKnown) {
  WithResult with;
  with.offer({"image", {}, {}});
  const std::size_t before = with.worker->assigned.size();
  with.harness.submit(sharing("a", "second", "image"));
  with.offer({"image", sha256("old"), {}});
  EXPECT_EQ(with.worker->assigned.size(), before);
  EXPECT_EQ(status(with.harness, 2), TaskStatus::kCompleted);
}

TEST(ReuseContents, AWorkerThatKeptWhatAMovedTagStoodForGoesOnWithIt) {
  WithResult with;
  with.harness.submit(sharing("b", "second", "image"));
  with.offer({"image", sha256("new"), {sha256("old")}});
  finish_with(with.harness, *with.worker, "B", sha256("old"));
  EXPECT_EQ(status(with.harness, 2), TaskStatus::kCompleted);
  with.harness.submit(sharing("b\nc", "third", "image"));
  EXPECT_EQ(with.worker->specs.back().image_content, sha256("new"));
}

TEST(ReuseContents, WorkersThatDifferShareNothingOfTheImage) {
  WithResult with;
  with.harness.offer.images = {{"image", sha256("new")}};
  with.harness.worker("other");
  EXPECT_EQ(with.harness.submit(sharing("a", "second", "image")).cached, 0u);
}

/// Two pipelines want the same work: the first runs it with one image, the second was bound to
/// another one after it had joined.
struct JoinedAndBoundOtherwise {
  BrokerHarness harness;
  FakeWorker* first = nullptr;

  JoinedAndBoundOtherwise() {
    harness.offer.images = {{"image", sha256("old")}};
    first = &harness.worker("first");
    harness.submit(sharing("a", "first", "image"));
    harness.advance(10s);  // now nobody is connected who could tell what the image is
    harness.submit(sharing("a\nb", "second", "image"));
    EXPECT_EQ(number(harness.task(TaskId{2}).joined), 1u);
    harness.offer.images = {{"image", sha256("new")}};
    FakeWorker& second = harness.worker("second");
    EXPECT_EQ(second.specs.back().image_content, sha256("new")) << "b";
  }
};

TEST(ReuseContents, WhoIsBoundToAnotherImageMeanwhileDoesNotFailWithTheWork) {
  JoinedAndBoundOtherwise both;
  both.harness.finish(*both.first, Outcome::kExitCode);
  EXPECT_EQ(status(both.harness, 1), TaskStatus::kFailed);
  EXPECT_EQ(status(both.harness, 2), TaskStatus::kPending) << "its own image may be a good one";
}

TEST(ReuseContents, WhoIsBoundToAnotherImageMeanwhileDoesNotInherit) {
  JoinedAndBoundOtherwise both;
  both.harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{1}, TaskId{}});
  EXPECT_EQ(both.first->stopped.size(), 1u);
  EXPECT_EQ(status(both.harness, 2), TaskStatus::kPending);
}

TEST(ReuseContents, AnHeirIsBoundToWhatTheAttemptWasBegunWith) {
  BrokerHarness harness;
  harness.offer.images = {{"image", sha256("old")}};
  FakeWorker& first = harness.worker("first");
  harness.submit(sharing("a", "first", "image"));
  harness.advance(10s);
  harness.submit(sharing("a\nb", "second", "image"));
  harness.ask_for<protocol::Cancelled>(protocol::Cancel{PipelineId{1}, TaskId{}});
  harness.offer.images = {{"image", sha256("new")}};
  EXPECT_TRUE(harness.worker("second").assigned.empty()) << "b means the old image now";
  finish_with(harness, first, "A", sha256("old"));
  EXPECT_EQ(status(harness, 2), TaskStatus::kCompleted);
}

TEST(ReuseContents, ATaskWithAnotherImageIsNotHeldUp) {
  BrokerHarness harness;
  harness.offer.images = {{"image", sha256("one")}};
  FakeWorker& first = harness.worker("first");
  auto submission = sharing("a\nb", "first", "image");
  submission.tools[1].image = "other image";
  harness.submit(submission);
  harness.offer.images = {{"image", sha256("two")}};
  FakeWorker& second = harness.worker("second");
  EXPECT_EQ(first.assigned.size(), 1u);
  ASSERT_EQ(second.assigned.size(), 1u);
  EXPECT_EQ(second.specs.back().image, "other image");
}

TEST(ReuseContents, ADatasetIsBoundByItsContent) {
  BrokerHarness harness;
  auto submission = sharing("a\nb", "first");
  submission.dataset_name = "digits";
  submission.dataset_variant = "clean";
  harness.submit(submission);
  harness.offer.datasets = {{"digits", "clean"}};
  FakeWorker& unknown = harness.worker("unknown");
  EXPECT_TRUE(unknown.assigned.empty()) << "it has not read it yet";
  harness.offer.datasets = {{"digits", "clean", sha256("one")}};
  FakeWorker& first = harness.worker("first");
  EXPECT_EQ(first.specs.back().dataset_content, sha256("one"));
  harness.offer.datasets = {{"digits", "clean", sha256("two")}};
  EXPECT_TRUE(harness.worker("second").assigned.empty());
  harness.say(unknown,
              protocol::Offer{unknown.session, {}, {{"digits", "clean", sha256("one")}}, {}, ""});
  EXPECT_EQ(unknown.assigned.size(), 1u);
}

TEST(ReuseContents, AWorkerWithOtherContentsIsNoPlaceToTryAgain) {
  BrokerHarness harness;
  auto submission = sharing("a", "first");
  submission.dataset_name = "digits";
  submission.dataset_variant = "clean";
  harness.offer.datasets = {{"digits", "clean", sha256("one")}};
  FakeWorker& right = harness.worker("right");
  harness.offer.datasets = {{"digits", "clean", sha256("two")}};
  FakeWorker& other = harness.worker("other");
  harness.submit(submission);
  FakeWorker& chosen = right.assigned.empty() ? other : right;
  harness.finish(chosen, Outcome::kRuntimeError);
  harness.advance(2s);
  EXPECT_EQ(chosen.assigned.size(), 1u) << "where it failed, as nobody else has its data";
}

// --- What is kept ---

}  // namespace
}  // namespace landseer::broker::testing
