#include <gtest/gtest.h>

#include "common/protocol/limits.h"
#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using testing::BrokerHarness;

TEST(Submission, TheSameIdAgainGivesTheSamePipeline) {
  BrokerHarness harness;
  const auto first = harness.submit(BrokerHarness::chains("a b"));
  const auto again = harness.submit(BrokerHarness::chains("a b"));
  EXPECT_EQ(again.pipeline, first.pipeline);
  EXPECT_TRUE(again.existing);
  EXPECT_EQ(harness.ask_for<protocol::PipelineList>(protocol::ListPipelines{}).rows.size(), 1u);
}

TEST(Submission, TheSameIdForOtherWorkIsRefused) {
  BrokerHarness harness;
  harness.submit(BrokerHarness::chains("a"));
  EXPECT_EQ(harness.ask_in_vain(BrokerHarness::chunk(BrokerHarness::chains("b"))).code,
            ErrorCode::kConflict);
}

/// A file may ask for up to a billion, docs/pipelines.md; the broker once stopped at a million.
TEST(Submission, APriorityMayBeWhatAFileAllows) {
  BrokerHarness harness;
  auto submission = BrokerHarness::chains("a");
  submission.priority = -protocol::kPriorityMax - 1;
  EXPECT_EQ(harness.ask_in_vain(BrokerHarness::chunk(submission)).code, ErrorCode::kInvalid);
  submission.priority = -protocol::kPriorityMax;
  const auto pipeline = harness.submit(submission).pipeline;
  EXPECT_EQ(harness.status(pipeline).row.priority, -protocol::kPriorityMax);
}

TEST(Submission, ArrivesInChunksAndCommitsAtOnce) {
  BrokerHarness harness;
  const auto submission = BrokerHarness::chains("a b\na c");
  const std::string body = protocol::encode_submission(submission);
  const std::size_t third = body.size() / 3;
  EXPECT_EQ(harness
                .ask_for<protocol::ChunkTaken>(
                    protocol::SubmitChunk{"test", 0, false, body.substr(0, third)})
                .index,
            0u);
  harness.ask_for<protocol::ChunkTaken>(
      protocol::SubmitChunk{"test", 1, false, body.substr(third, third)});
  EXPECT_TRUE(harness.ask_for<protocol::PipelineList>(protocol::ListPipelines{}).rows.empty());
  const auto done = harness.ask_for<protocol::Submitted>(
      protocol::SubmitChunk{"test", 2, true, body.substr(2 * third)});
  EXPECT_EQ(done.tasks, 3u);
}

TEST(Submission, AChunkOutOfOrderStartsOver) {
  BrokerHarness harness;
  harness.ask_for<protocol::ChunkTaken>(protocol::SubmitChunk{"test", 0, false, "x"});
  EXPECT_EQ(harness.ask_in_vain(protocol::SubmitChunk{"test", 2, false, "x"}).code,
            ErrorCode::kConflict);
  EXPECT_EQ(harness.ask_in_vain(protocol::SubmitChunk{"test", 1, true, "x"}).code,
            ErrorCode::kConflict);
  EXPECT_EQ(harness.submit(BrokerHarness::chains("a")).tasks, 1u);
}

TEST(Submission, TheModelScriptBecomesABlobAndPartOfTheKey) {
  BrokerHarness harness;
  auto submission = BrokerHarness::chains("a");
  submission.model_name = "model.py";
  submission.model_script = "def build(): pass\n";
  harness.submit(submission);
  ASSERT_EQ(harness.blobs.size(), 1u);
  EXPECT_EQ(harness.blobs[0].digest, sha256(submission.model_script));
  EXPECT_EQ(harness.worker("w").specs.back().model_script, harness.blobs[0].digest);
}

TEST(Submission, NothingBadChangesAnything) {
  using Change = void (*)(protocol::Submission&);
  const std::vector<std::pair<const char*, Change>> changes{
      {"a tool index outside its list", [](protocol::Submission& s) { s.tasks[0].tool = 9; }},
      {"a config index outside its list", [](protocol::Submission& s) { s.tasks[0].config = 9; }},
      {"options outside their list", [](protocol::Submission& s) { s.tasks[0].options = 9; }},
      {"a type that is none", [](protocol::Submission& s) { s.tasks[0].type = 6; }},
      {"a dependency on itself", [](protocol::Submission& s) { s.tasks[1].dependencies = {1}; }},
      {"a dependency on a later task",
       [](protocol::Submission& s) { s.tasks[0].dependencies = {1}; }},
      {"a workflow with an unknown task",
       [](protocol::Submission& s) { s.workflows[0].tasks = {7}; }},
      {"a task in no workflow", [](protocol::Submission& s) { s.workflows[0].tasks = {0}; }},
      {"a config that is no object", [](protocol::Submission& s) { s.configs[0] = "[]"; }},
      {"an env that is no object", [](protocol::Submission& s) { s.options[0].env = "3"; }},
      {"no time limit at all", [](protocol::Submission& s) { s.options[0].timeout_ms = 0; }},
      {"an unknown policy", [](protocol::Submission& s) { s.policy = "luck"; }},
      {"a name that paints the terminal", [](protocol::Submission& s) { s.name = "\x1b[31m"; }},
      {"a tool without a name", [](protocol::Submission& s) { s.tools[0].name = ""; }},
      {"dataset parameters that are no object",
       [](protocol::Submission& s) { s.dataset_params = "x"; }},
  };
  BrokerHarness harness;
  for (const auto& [what, change] : changes) {
    auto submission = BrokerHarness::chains("a b");
    change(submission);
    const auto error = harness.ask_in_vain(BrokerHarness::chunk(submission));
    EXPECT_FALSE(error.message.empty()) << what;
    EXPECT_FALSE(error.hint.empty()) << what;
  }
  EXPECT_TRUE(harness.records.empty());
  const auto good = harness.submit(BrokerHarness::chains("a b"));
  EXPECT_EQ(good.pipeline, PipelineId{1}) << "refused submissions use no ids";
}

TEST(Submission, BytesThatAreNoSubmissionAreRefused) {
  BrokerHarness harness;
  EXPECT_EQ(harness.ask_in_vain(protocol::SubmitChunk{"x", 0, true, "\xc1\xff rubbish"}).code,
            ErrorCode::kInvalid);
  EXPECT_EQ(harness.ask_in_vain(protocol::SubmitChunk{"x", 0, true, ""}).code, ErrorCode::kInvalid);
  auto other = BrokerHarness::chunk(BrokerHarness::chains("a", "inside"));
  other.submission_id = "outside";
  EXPECT_EQ(harness.ask_in_vain(other).code, ErrorCode::kInvalid);
}

TEST(Submission, TheOldestFinishedPipelineMakesRoomForANewOne) {
  Settings settings = BrokerHarness::make_settings(std::chrono::seconds(120));
  settings.pipelines_max = 2;
  BrokerHarness harness(settings);
  const auto running = harness.submit(BrokerHarness::chains("a b", "running")).pipeline;
  const auto finished = harness.submit(BrokerHarness::chains("", "finished")).pipeline;
  harness.submit(BrokerHarness::chains("c", "new"));
  EXPECT_EQ(harness.ask_in_vain(protocol::WatchPipeline{finished, 0, false}).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(harness.status(running).row.total, 2u);
  EXPECT_EQ(harness.ask_in_vain(BrokerHarness::chunk(BrokerHarness::chains("d", "more"))).code,
            ErrorCode::kLimit)
      << "what is not finished is never forgotten";
}

TEST(Submission, MoreTasksThanAreKeptForgetTheFinishedOnes) {
  Settings settings = BrokerHarness::make_settings(std::chrono::seconds(120));
  settings.kept_tasks_max = 3;
  BrokerHarness harness(settings);
  harness.take_snapshots = false;
  testing::FakeWorker& worker = harness.worker("w", 4);
  const auto first = harness.submit(BrokerHarness::chains("a b", "first")).pipeline;
  harness.finish(worker);
  harness.finish(worker);
  harness.submit(BrokerHarness::chains("c d", "second"));
  EXPECT_EQ(harness.ask_in_vain(protocol::GetTask{TaskId{1}}).code, ErrorCode::kNotFound);
  EXPECT_EQ(harness.ask_in_vain(protocol::WatchPipeline{first, 0, false}).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(harness.task(TaskId{3}).tool, "c");
}

TEST(Submission, AModelScriptGoesWithTheLastPipelineThatHasIt) {
  Settings settings = BrokerHarness::make_settings(std::chrono::seconds(120));
  settings.pipelines_max = 1;
  BrokerHarness harness(settings);
  harness.take_snapshots = false;
  testing::FakeWorker& worker = harness.worker("w", 4);
  const auto submit = [&](const std::string& id, const std::string& script) {
    auto submission = BrokerHarness::chains("a", id);
    submission.model_name = "model.py";
    submission.model_script = script;
    harness.submit(submission);
    harness.finish(worker);
  };
  submit("first", "script");
  submit("second", "script");
  EXPECT_TRUE(harness.unneeded_blobs.empty()) << "the second one has it, too";
  submit("third", "other");
  ASSERT_EQ(harness.unneeded_blobs.size(), 1u);
  EXPECT_EQ(harness.unneeded_blobs[0], sha256("script"));
}

TEST(Submission, AnEmptyPipelineIsCompleteAtOnce) {
  BrokerHarness harness;
  const auto submitted = harness.submit(BrokerHarness::chains(""));
  EXPECT_EQ(harness.status(submitted.pipeline).row.state, protocol::PipelineState::kCompleted);
}

}  // namespace
}  // namespace landseer::broker
