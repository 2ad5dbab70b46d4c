#include "submitter/client/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "common/net/clock.h"
#include "common/protocol/limits.h"

namespace landseer::client {
namespace {

using protocol::FromClient;
using protocol::ToClient;

/// Answers on a free loopback port, in a thread of its own, with what `script` returns.
class FakeBroker {
 public:
  using Script = std::function<std::optional<ToClient>(const FromClient&)>;

  explicit FakeBroker(Script script) : script_(std::move(script)), router_(context_) {
    address_ = router_.bind("tcp://127.0.0.1:0").value();
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
      net::PollItem item{&router_, -1, false};
      net::poll({&item, 1}, std::chrono::milliseconds(20));
      while (auto received = router_.receive()) {
        const auto envelope = protocol::decode_from_client(received->frame);
        if (!envelope) continue;
        const bool hello = std::holds_alternative<protocol::ClientHello>(envelope->message);
        const auto reply =
            hello ? ToClient(protocol::ClientWelcome{1, 1, "test"}) : script_(envelope->message);
        if (reply) router_.send(received->peer, protocol::encode(*reply, envelope->number));
      }
    }
  }

  Script script_;
  net::Context context_;
  net::Router router_;
  std::string address_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

ClientOptions options_for(const std::string& address) {
  ClientOptions options;
  options.broker = address;
  options.limits = {std::chrono::seconds(5), std::chrono::seconds(5), std::chrono::seconds(5)};
  return options;
}

/// What a broker does with chunks: collects them and answers the last one.
struct Staging {
  std::string body;
  std::uint32_t next = 0;

  std::optional<ToClient> take(const FromClient& message) {
    const auto& chunk = std::get<protocol::SubmitChunk>(message);
    if (chunk.index != next || chunk.data.size() > protocol::kChunkBytesMax) {
      return protocol::ErrorReply{ErrorCode::kConflict, "out of order", "", ""};
    }
    ++next;
    body += chunk.data;
    if (!chunk.last) return protocol::ChunkTaken{chunk.index};
    protocol::Submitted submitted;
    submitted.pipeline = PipelineId{7};
    submitted.tasks = protocol::decode_submission(body)->tasks.size();
    return submitted;
  }
};

TEST(Client, GreetsAndReadsAReply) {
  FakeBroker broker([](const FromClient&) { return protocol::WorkerList{}; });
  Client client(options_for(broker.address()));
  const auto welcome = client.connect();
  ASSERT_TRUE(welcome) << welcome.error().to_string();
  EXPECT_EQ(welcome->protocol, 1u);
  EXPECT_TRUE(client.workers());
}

TEST(Client, ABusyBrokerIsAskedAgainWhenItSaid) {
  int asked = 0;
  FakeBroker broker([&](const FromClient&) -> std::optional<ToClient> {
    if (++asked < 3) return protocol::ErrorReply{ErrorCode::kBusy, "too much", "", "", 30};
    return protocol::WorkerList{};
  });
  Client client(options_for(broker.address()));
  ASSERT_TRUE(client.connect());
  const Instant began = net::now().instant;
  const auto workers = client.workers();
  EXPECT_TRUE(workers) << workers.error().to_string();
  EXPECT_EQ(asked, 3);
  EXPECT_GE(net::now().instant - began, std::chrono::milliseconds(60));
}

TEST(Client, ABrokerThatStaysBusyIsGivenUp) {
  FakeBroker broker([](const FromClient&) {
    return protocol::ErrorReply{ErrorCode::kBusy, "too much", "", "", 60'000};
  });
  Client client(options_for(broker.address()));
  const auto workers = client.workers();
  ASSERT_FALSE(workers);
  EXPECT_EQ(workers.error().code, ErrorCode::kBusy);
}

TEST(Client, ASubmissionBeginsAgainWhenTheBrokerIsBusy) {
  Staging staging;
  bool busy = true;
  FakeBroker broker([&](const FromClient& message) -> std::optional<ToClient> {
    const bool refuse = busy && std::get<protocol::SubmitChunk>(message).index == 1;
    if (!refuse) return staging.take(message);
    busy = false;
    staging = {};
    return protocol::ErrorReply{ErrorCode::kBusy, "too much", "", "", 10};
  });
  Client client(options_for(broker.address()));
  protocol::Submission submission;
  submission.submission_id = "large";
  submission.model_script.assign(3 * protocol::kChunkBytesMax, 'x');
  const auto submitted = client.submit(submission);
  ASSERT_TRUE(submitted) << submitted.error().to_string();
  EXPECT_FALSE(busy);
}

TEST(Client, ASmallSubmissionIsOneChunk) {
  Staging staging;
  FakeBroker broker([&](const FromClient& message) { return staging.take(message); });
  Client client(options_for(broker.address()));
  protocol::Submission submission;
  submission.submission_id = "one";
  const auto submitted = client.submit(submission);
  ASSERT_TRUE(submitted) << submitted.error().to_string();
  EXPECT_EQ(submitted->pipeline, PipelineId{7});
  EXPECT_EQ(staging.next, 1u);
}

TEST(Client, ALargeSubmissionArrivesInOrderAndWhole) {
  Staging staging;
  FakeBroker broker([&](const FromClient& message) { return staging.take(message); });
  Client client(options_for(broker.address()));
  protocol::Submission submission;
  submission.submission_id = "large";
  submission.model_script = std::string(6 * protocol::kChunkBytesMax + 17, 'x');
  submission.tasks.resize(3);
  const auto submitted = client.submit(submission);
  ASSERT_TRUE(submitted) << submitted.error().to_string();
  EXPECT_EQ(submitted->tasks, 3u);
  EXPECT_EQ(staging.next, 7u);
  EXPECT_EQ(protocol::decode_submission(staging.body).value(), submission);
}

TEST(Client, ARefusedChunkEndsTheSubmission) {
  FakeBroker broker([](const FromClient&) {
    return protocol::ErrorReply{ErrorCode::kLimit, "too large", "here", "smaller"};
  });
  Client client(options_for(broker.address()));
  protocol::Submission submission;
  submission.model_script = std::string(9 * protocol::kChunkBytesMax, 'x');
  const auto submitted = client.submit(submission);
  ASSERT_FALSE(submitted);
  EXPECT_EQ(submitted.error().code, ErrorCode::kLimit);
}

TEST(Client, AnErrorReplyBecomesAnError) {
  FakeBroker broker([](const FromClient&) {
    return protocol::ErrorReply{ErrorCode::kNotFound, "no task", "task_9", "look"};
  });
  Client client(options_for(broker.address()));
  const auto detail = client.task(TaskId{9});
  ASSERT_FALSE(detail);
  EXPECT_EQ(detail.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(detail.error().message, "no task");
  EXPECT_EQ(detail.error().where, "task_9");
  EXPECT_EQ(detail.error().hint, "look");
}

TEST(Client, AReplyOfAnotherKindIsAVersionError) {
  FakeBroker broker([](const FromClient&) { return protocol::ChunkTaken{}; });
  Client client(options_for(broker.address()));
  EXPECT_EQ(client.workers().error().code, ErrorCode::kVersion);
}

TEST(Client, NoBrokerIsUnavailableWithinTheLimit) {
  ClientOptions options = options_for("tcp://127.0.0.1:1");
  options.limits.connect = std::chrono::milliseconds(80);
  Client client(options);
  const Instant begin = net::now().instant;
  const auto welcome = client.connect();
  ASSERT_FALSE(welcome);
  EXPECT_EQ(welcome.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(welcome.error().hint.empty());
  EXPECT_LT(net::now().instant - begin, std::chrono::seconds(3));
}

TEST(Client, AfterSilenceItConnectsAnewAndLateRepliesAreDropped) {
  std::atomic<int> asked = 0;
  FakeBroker broker([&](const FromClient&) -> std::optional<ToClient> {
    if (++asked == 1) return std::nullopt;
    return protocol::WorkerList{};
  });
  ClientOptions options = options_for(broker.address());
  options.limits.reply = std::chrono::milliseconds(100);
  Client client(options);
  EXPECT_EQ(client.workers().error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(client.workers());
}

TEST(Client, ReadsAllPages) {
  FakeBroker broker([](const FromClient& message) -> std::optional<ToClient> {
    if (const auto* what = std::get_if<protocol::ListTasks>(&message)) {
      protocol::TaskList page;
      page.rows.resize(2);
      page.next_offset = what->offset < 4 ? what->offset + 2 : 0;
      return page;
    }
    const auto& what = std::get<protocol::ListPipelines>(message);
    protocol::PipelineList page;
    page.rows.resize(1);
    page.rows[0].pipeline = PipelineId{number(what.after) + 1};
    page.more = number(what.after) < 2;
    return page;
  });
  Client client(options_for(broker.address()));
  EXPECT_EQ(client.tasks(PipelineId{1})->size(), 6u);
  EXPECT_EQ(client.pipelines()->size(), 3u);
}

TEST(Client, ASignalEndsAWaitAtOnce) {
  net::SignalWatch signals;
  FakeBroker broker([](const FromClient&) {
    kill(getpid(), SIGINT);
    return std::nullopt;
  });
  ClientOptions options = options_for(broker.address());
  options.signals = &signals;
  Client client(options);
  const Instant begin = net::now().instant;
  EXPECT_FALSE(client.status(PipelineId{1}));
  EXPECT_EQ(client.interrupted_by(), SIGINT);
  EXPECT_LT(net::now().instant - begin, std::chrono::seconds(3));
}

}  // namespace
}  // namespace landseer::client
