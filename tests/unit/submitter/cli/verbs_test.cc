/// Verbs against a broker that is a table of canned replies.
#include "submitter/cli/verbs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "common/net/socket.h"
#include "common/protocol/codec.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/submission_id.h"

namespace landseer::cli {
namespace {

using protocol::FromClient;
using protocol::ToClient;

protocol::PipelineRow row(std::uint64_t id, protocol::PipelineState state) {
  protocol::PipelineRow row;
  row.pipeline = PipelineId{id};
  row.name = "p" + std::to_string(id);
  row.state = state;
  row.total = 4;
  row.completed = state == protocol::PipelineState::kCompleted ? 4 : 1;
  return row;
}

/// pipeline_1 completed, pipeline_2 failed, pipeline_3 runs for ever. Task 7 has a log.
ToClient answer(const FromClient& message) {
  const std::array states{protocol::PipelineState::kCompleted, protocol::PipelineState::kFailed,
                          protocol::PipelineState::kRunning};
  if (std::holds_alternative<protocol::ClientHello>(message))
    return protocol::ClientWelcome{1, 1, "test"};
  if (std::holds_alternative<protocol::ListPipelines>(message)) {
    return protocol::PipelineList{{row(1, states[0]), row(2, states[1]), row(3, states[2])}, false};
  }
  if (const auto* watch = std::get_if<protocol::WatchPipeline>(&message)) {
    const std::uint64_t id = number(watch->pipeline);
    if (id > 3) return protocol::ErrorReply{ErrorCode::kNotFound, "no such pipeline", "", ""};
    return protocol::PipelineStatus{row(id, states[id - 1]), watch->known_version + 1, {}, {}, {}};
  }
  if (std::holds_alternative<protocol::Cancel>(message)) {
    return protocol::ErrorReply{ErrorCode::kConflict, "it is completed", "", ""};
  }
  if (const auto* retry = std::get_if<protocol::Retry>(&message)) {
    if (retry->pipeline == PipelineId{2} || retry->task == TaskId{7})
      return protocol::Retried{3, false};
    return protocol::ErrorReply{ErrorCode::kConflict, "nothing to retry", "", ""};
  }
  if (const auto* part = std::get_if<protocol::CancelPart>(&message)) {
    if (part->what.tool == "gone") {
      return protocol::ErrorReply{ErrorCode::kNotFound, "no such tool", "", ""};
    }
    return protocol::Cancelled{3, 1, 2, 4, 5, PipelineId{3}};
  }
  if (const auto* part = std::get_if<protocol::RetryPart>(&message)) {
    return protocol::Retried{part->what.pruned ? 7u : 6u, false};
  }
  if (const auto* moved = std::get_if<protocol::SetPriority>(&message)) {
    if (moved->pipeline == PipelineId{3}) return protocol::PrioritySet{2};
    return protocol::ErrorReply{ErrorCode::kConflict, "it is completed", "", ""};
  }
  if (const auto* pause = std::get_if<protocol::PausePart>(&message)) {
    const protocol::Selection& what = pause->what;
    if (!what.tool.empty()) {
      return protocol::PartPaused{
          PipelineId{3}, pause->paused, 4, 1, 0, 2, {"task_9 is paused: `landseer resume task_9`"}};
    }
    if (!what.workflows.empty()) return protocol::PartPaused{PipelineId{3}, true, 2, 0, 5};
    if (number(what.task) != 0) return protocol::PartPaused{PipelineId{3}, true, 1, 0};
    if (what.pipeline == PipelineId{3}) {
      const std::uint64_t still_paused = pause->everything ? 0 : 6;
      return protocol::PartPaused{PipelineId{3}, pause->paused, 0, 2, 0, still_paused};
    }
    return protocol::ErrorReply{ErrorCode::kConflict, "it is completed", "", ""};
  }
  return protocol::ErrorReply{ErrorCode::kInternal, "not in this test", "", ""};
}

/// Pieces of five bytes at most.
protocol::LogData log_piece(const protocol::GetLog& request) {
  const std::string log = "one\ntwo\nthree\n";
  const std::string data = log.substr(std::min(log.size(), request.offset), 5);
  return {true, request.offset, log.size(), true, data, {{0, 1'700'000'000'250}}};
}

class FakeBroker {
 public:
  FakeBroker() : router_(context_), bulk_(context_) {
    address_ = router_.bind("tcp://127.0.0.1:0").value();
    bulk_address_ = bulk_.bind("tcp://127.0.0.1:0").value();
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeBroker() {
    ended_ = true;
    thread_.join();
  }
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;
  const std::string& address() const { return address_; }

 private:
  void serve() {
    while (!ended_) {
      std::array<net::PollItem, 2> items{{{&router_, -1, false}, {&bulk_, -1, false}}};
      net::poll(items, std::chrono::milliseconds(20));
      while (auto received = bulk_.receive()) {
        const auto envelope = protocol::decode_bulk_request(received->frame).value();
        const protocol::BulkReply reply = log_piece(std::get<protocol::GetLog>(envelope.message));
        bulk_.send(received->peer, protocol::encode(reply, envelope.number));
      }
      while (auto received = router_.receive()) {
        const auto envelope = protocol::decode_from_client(received->frame).value();
        ToClient reply = answer(envelope.message);
        if (std::holds_alternative<protocol::OpenStream>(envelope.message)) {
          reply = protocol::StreamOpened{1, true, {}, 0, bulk_address_, {{"w", "ticket"}}};
        }
        router_.send(received->peer, protocol::encode(reply, envelope.number));
      }
    }
  }

  net::Context context_;
  net::Router router_;
  net::Router bulk_;
  std::string address_;
  std::string bulk_address_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

class Verbs : public ::testing::Test {
 protected:
  Context context(bool json) {
    GlobalOptions options;
    options.broker = broker_.address();
    options.json = json;
    return Context(options, Streams{Screen{out_}, Screen{err_}, in_, false});
  }
  nlohmann::json document() const { return nlohmann::json::parse(out_.str()); }

  FakeBroker broker_;
  std::ostringstream out_;
  std::ostringstream err_;
  std::istringstream in_;
};

TEST_F(Verbs, ListPrintsATableAndAHint) {
  Context people = context(false);
  EXPECT_EQ(run_list(people).value(), kSuccess);
  EXPECT_NE(out_.str().find("pipeline_2"), std::string::npos);
  EXPECT_TRUE(err_.str().starts_with("next: "));
}

TEST_F(Verbs, StatusOfOneIsAnObjectAndOfSeveralAList) {
  Context one = context(true);
  EXPECT_EQ(run_status(one, {"p2"}).value(), kSuccess);
  EXPECT_EQ(document()["state"], "failed");
  out_.str("");
  Context several = context(true);
  EXPECT_EQ(run_status(several, {"1-2"}).value(), kSuccess);
  EXPECT_EQ(document().size(), 2u);
  EXPECT_EQ(err_.str(), "");
}

TEST_F(Verbs, AnUnknownPipelineIsNotFound) {
  Context here = context(true);
  EXPECT_EQ(run_status(here, {"9"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(run_status(here, {"nothing"}).error().code, ErrorCode::kNotFound);
}

TEST_F(Verbs, WaitTellsSuccessFailureAndTimeoutApart) {
  Context here = context(true);
  EXPECT_EQ(run_wait(here, {"1", {}}).value(), kSuccess);
  EXPECT_EQ(run_wait(here, {"2", {}}).value(), kFailed);
  EXPECT_EQ(run_wait(here, {"1,2", {}}).value(), kFailed);
  out_.str("");
  EXPECT_EQ(run_wait(here, {"3", std::chrono::milliseconds(50)}).value(), kTimedOut);
  EXPECT_EQ(document()["error"]["code"], "timed_out");
}

TEST_F(Verbs, WatchPrintsAJsonLineForEachChange) {
  Context here = context(true);
  EXPECT_EQ(run_watch(here, {"1"}).value(), kSuccess);
  EXPECT_EQ(document()["state"], "completed");
  const std::string text = out_.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(Verbs, LogsAreReadToTheEndOrFromTheTail) {
  Context people = context(false);
  EXPECT_EQ(run_logs(people, {"7", 0, false, {}, false}).value(), kSuccess);
  EXPECT_EQ(out_.str(), "one\ntwo\nthree\n");
  out_.str("");
  Context script = context(true);
  EXPECT_EQ(run_logs(script, {"task_7", 0, false, {}, false}).value(), kSuccess);
  EXPECT_EQ(document()["text"], "one\ntwo\nthree\n");
  EXPECT_EQ(document()["task_id"], "task_7");
  EXPECT_EQ(document()["left_out"], 0);
  out_.str("");
  Context tail = context(false);
  EXPECT_EQ(run_logs(tail, {"7", 0, false, 2, false}).value(), kSuccess);
  EXPECT_EQ(out_.str(), "two\nthree\n");
}

TEST_F(Verbs, LogsShowWhenEachLineWasWritten) {
  Context people = context(false);
  EXPECT_EQ(run_logs(people, {"7", 0, false, 1, true}).value(), kSuccess);
  EXPECT_TRUE(out_.str().ends_with(".250 three\n")) << out_.str();
  out_.str("");
  Context script = context(true);
  EXPECT_EQ(run_logs(script, {"7", 0, false, {}, true}).value(), kSuccess);
  EXPECT_EQ(document()["times"][0]["time"], "2023-11-14T22:13:20.250Z");
}

TEST_F(Verbs, CancelNeedsYesAndShowsTheBrokersRefusal) {
  Context here = context(false);
  EXPECT_EQ(exit_code(run_cancel(here, {"1", false}).error().code), kUsage);
  EXPECT_EQ(exit_code(run_cancel(here, {"1", true}).error().code), kFailed);
}

TEST_F(Verbs, CancelOfAPartTellsBeforeWhatItWouldDo) {
  Context here = context(false);
  const auto asked = run_cancel(here, {"workflow_7-9", false, "", false});
  ASSERT_FALSE(asked);
  EXPECT_NE(asked.error().message.find("workflow_7 to workflow_9 (3 pending, 1 running, 2 skipped "
                                       "with them, 4 go on for other workflows, 5 workflows less)"),
            std::string::npos)
      << asked.error().message;
  EXPECT_EQ(run_cancel(here, {"3", false, "prune", true}).value(), kSuccess);
  EXPECT_EQ(run_cancel(here, {"workflow_7", true, "", false}).value(), kSuccess);
  EXPECT_EQ(
      out_.str(),
      "would cancel pipeline_3, tool 'prune': 3 pending, 1 running, 2 skipped with them, 4 go "
      "on for other workflows, 5 workflows less\n"
      "workflow_7: 3 tasks cancelled, 1 being stopped, 2 skipped with them, 4 go on for other "
      "workflows\n");
  EXPECT_NE(err_.str().find("landseer cancel 3 --tool 'prune'"), std::string::npos);
  EXPECT_NE(err_.str().find("landseer status pipeline_3"), std::string::npos);
  EXPECT_EQ(exit_code(run_cancel(here, {"3", true, "gone", false}).error().code), kNoSuchObject);
  EXPECT_EQ(exit_code(run_cancel(here, {"task_7", true, "prune", false}).error().code), kUsage);
  out_.str("");
  Context script = context(true);
  EXPECT_EQ(run_cancel(script, {"workflow_7,9-10", false, "", true}).value(), kSuccess);
  EXPECT_EQ(document(), nlohmann::json({{"workflows", {"workflow_7", "workflow_9-10"}},
                                        {"pipeline_id", "pipeline_3"},
                                        {"tasks", 3},
                                        {"running", 1},
                                        {"skipped", 2},
                                        {"shared", 4},
                                        {"workflows_lost", 5},
                                        {"dry_run", true}}));
}

TEST_F(Verbs, RetryTakesPartsToo) {
  Context here = context(false);
  EXPECT_EQ(run_retry(here, {"workflow_7", "", false}).value(), kSuccess);
  EXPECT_EQ(run_retry(here, {"3", "prune", false}).value(), kSuccess);
  EXPECT_EQ(run_retry(here, {"3", "", true}).value(), kSuccess);
  EXPECT_EQ(out_.str(),
            "workflow_7: 6 tasks pending again\npipeline_3, tool 'prune': 6 tasks pending again\n"
            "pipeline_3, what was pruned: 7 tasks pending again\n");
  EXPECT_EQ(exit_code(run_retry(here, {"workflow_7", "", true}).error().code), kUsage);
  EXPECT_EQ(exit_code(run_retry(here, {"workflow_", "", false}).error().code), kUsage);
}

TEST_F(Verbs, PriorityTellsWhatItWas) {
  Context here = context(false);
  EXPECT_EQ(run_priority(here, {"3", -5}).value(), kSuccess);
  EXPECT_EQ(out_.str(), "pipeline_3: priority -5, was 2\n");
  EXPECT_EQ(exit_code(run_priority(here, {"1", 5}).error().code), kFailed);
  out_.str("");
  Context script = context(true);
  EXPECT_EQ(run_priority(script, {"3", 5}).value(), kSuccess);
  EXPECT_EQ(document(),
            nlohmann::json({{"pipeline_id", "pipeline_3"}, {"priority", 5}, {"before", 2}}));
}

TEST_F(Verbs, RetryTellsHowManyTasksArePendingAgain) {
  Context here = context(false);
  EXPECT_EQ(run_retry(here, {"2"}).value(), kSuccess);
  EXPECT_EQ(out_.str(), "pipeline_2: 3 tasks pending again\n");
  EXPECT_NE(err_.str().find("landseer watch pipeline_2"), std::string::npos);
  EXPECT_EQ(exit_code(run_retry(here, {"1"}).error().code), kFailed);
  out_.str("");
  Context script = context(true);
  EXPECT_EQ(run_retry(script, {"task_7"}).value(), kSuccess);
  EXPECT_EQ(document(), nlohmann::json({{"task_id", "task_7"}, {"tasks", 3}, {"paused", false}}));
}

TEST_F(Verbs, PauseAndResumeTellWhatChanged) {
  Context here = context(false);
  EXPECT_EQ(run_pause(here, {"3"}).value(), kSuccess);
  EXPECT_EQ(run_resume(here, {"3"}).value(), kSuccess);
  EXPECT_EQ(out_.str(),
            "pipeline_3: paused; 2 running attempts go on\n"
            "pipeline_3: was not paused as a whole; 6 tasks of parts that were paused on their own "
            "still wait; --all resumes them\n");
  EXPECT_NE(err_.str().find("landseer resume pipeline_3"), std::string::npos);
  EXPECT_EQ(exit_code(run_pause(here, {"1"}).error().code), kFailed);
  out_.str("");
  Context script = context(true);
  EXPECT_EQ(run_pause(script, {"3"}).value(), kSuccess);
  EXPECT_EQ(document(), nlohmann::json({{"pipeline_id", "pipeline_3"},
                                        {"state", "paused"},
                                        {"changed", true},
                                        {"running", 2},
                                        {"still_paused", 6}}));
}

TEST_F(Verbs, PauseAndResumeOfAPartTellWhatItTouches) {
  Context here = context(false);
  EXPECT_EQ(run_pause(here, {"3", "trades"}).value(), kSuccess);
  EXPECT_EQ(run_pause(here, {"3", "", "7-9"}).value(), kSuccess);
  EXPECT_EQ(run_pause(here, {"3", "", "", "7"}).value(), kSuccess);
  EXPECT_EQ(run_resume(here, {"pipeline_3", "trades"}).value(), kSuccess);
  EXPECT_EQ(
      out_.str(),
      "pipeline_3, tool 'trades': paused; 4 pending tasks do not start; 1 running attempts go "
      "on\n"
      "workflow_7 to workflow_9: paused; 2 pending tasks do not start, 5 go on for other "
      "workflows\n"
      "task_7: paused\n"
      "pipeline_3, tool 'trades': was not paused; 4 tasks may start again; 2 still wait\n"
      "  task_9 is paused: `landseer resume task_9`\n");
  EXPECT_NE(err_.str().find("landseer resume pipeline_3 --tool 'trades'"), std::string::npos);
  EXPECT_NE(err_.str().find("landseer resume workflow_7-9"), std::string::npos);
  EXPECT_EQ(exit_code(run_pause(here, {"task_7", "", "", "8"}).error().code), kUsage);
  EXPECT_EQ(exit_code(run_pause(here, {"3", "", "", "seven"}).error().code), kUsage);
}

TEST_F(Verbs, TasksWithAnUnknownStatusNamesTheNearest) {
  Context here = context(false);
  const auto code = run_tasks(here, {"1", "runing", ""});
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().hint, "did you mean 'running'?");
}

TEST(SubmissionId, IsAFreshUuid) {
  const std::string id = make_submission_id();
  ASSERT_EQ(id.size(), 36u);
  EXPECT_EQ(id[8], '-');
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(id, make_submission_id());
}

}  // namespace
}  // namespace landseer::cli
