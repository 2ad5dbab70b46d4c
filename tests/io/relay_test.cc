/// The bulk port with real sockets: what passes, what does not, and who is held back by whom.
#include "broker/io/relay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "broker/core/tickets.h"
#include "common/net/clock.h"
#include "common/protocol/codec.h"
#include "tests/support/temp_folder.h"
#include "worker/io/log_index.h"
#include "worker/io/stream_server.h"

namespace landseer {
namespace {

using namespace std::chrono_literals;
using broker::Grant;
using broker::Relay;
using protocol::BulkReply;
using protocol::BulkRequest;
using protocol::GetLog;
using protocol::LogData;
using protocol::StreamError;

constexpr std::uint64_t kSession = 77;
const Digest kSecret = sha256("secret");

/// A connection to the relay, as a client's or a worker's.
class Peer {
 public:
  Peer(const net::Context& context, const std::string& address) : dealer_(context) {
    EXPECT_TRUE(dealer_.connect(address));
  }
  /// Once the connection is made.
  void send(const std::string& frame) {
    const Instant deadline = net::now().instant + 30s;
    while (!dealer_.send(frame) && net::now().instant < deadline) net::poll({}, 1ms);
  }
  void ask(const BulkRequest& request, std::uint64_t number) {
    send(protocol::encode(request, number));
  }
  std::optional<std::string> receive(Duration limit = 30s) {
    net::PollItem item{&dealer_, -1, false};
    net::poll({&item, 1}, limit);
    return dealer_.receive();
  }
  protocol::Envelope<BulkReply> reply() {
    const auto frame = receive();
    EXPECT_TRUE(frame);
    auto decoded = protocol::decode_bulk_reply(frame.value_or(""));
    return decoded ? std::move(*decoded) : protocol::Envelope<BulkReply>{};
  }
  StreamError error() {
    const auto envelope = reply();
    const auto* error = std::get_if<StreamError>(&envelope.message);
    EXPECT_NE(error, nullptr);
    return error != nullptr ? *error : StreamError{};
  }

 private:
  net::Dealer dealer_;
};

class RelayTest : public testing::Test {
 protected:
  void start(broker::RelayLimits limits = {.attach = 300ms, .reply = 300ms}) {
    relay = std::move(*Relay::start(
        "tcp://127.0.0.1:0", kSecret,
        [](const protocol::GetBlob& request) {
          return protocol::BlobData{request.blob, true, 0, 6, "script"};
        },
        limits));
  }
  std::string ticket(std::uint64_t session = kSession, TaskId task = TaskId{7}) const {
    return broker::make_ticket(kSecret, {session, task, 2, net::now().instant + 60s});
  }
  GetLog request(std::uint64_t offset = 0) const {
    return {ticket(), TaskId{99}, 99, offset, 1000, 0, false};
  }
  void attach(Peer& worker) {
    worker.ask(protocol::Attach{kSession, broker::attach_key(kSecret, kSession)}, 0);
  }

  net::Context context;
  std::unique_ptr<Relay> relay;
};

TEST_F(RelayTest, PassesRequestsOnAndAnswersBack) {
  start();
  Peer worker(context, relay->address());
  Peer client(context, relay->address());
  attach(worker);
  client.ask(request(5), 3);
  const auto frame = worker.receive();
  ASSERT_TRUE(frame);
  const auto asked = protocol::decode_bulk_request(*frame);
  ASSERT_TRUE(asked);
  EXPECT_GE(asked->number, protocol::kRelayedNumberMin);
  // What may be read is what the ticket says, whatever the client says.
  EXPECT_EQ(std::get<GetLog>(asked->message), (GetLog{"", TaskId{7}, 2, 5, 1000, 0, false}));
  const LogData data{true, 5, 8, true, "abc", {}};
  worker.send(protocol::encode(BulkReply(data), asked->number));
  const auto answer = client.reply();
  EXPECT_EQ(answer.number, 3u);
  EXPECT_EQ(std::get<LogData>(answer.message), data);
}

TEST_F(RelayTest, WithoutATicketTheBrokerAnswersBlobsItself) {
  start();
  Peer client(context, relay->address());
  client.ask(protocol::GetBlob{sha256("x"), 0, 100, ""}, 4);
  const auto answer = client.reply();
  EXPECT_EQ(answer.number, 4u);
  EXPECT_EQ(std::get<protocol::BlobData>(answer.message).data, "script");
}

TEST_F(RelayTest, TicketsThatAreNotGoodAreRefused) {
  start();
  Peer client(context, relay->address());
  GetLog bad = request();
  bad.ticket = "rubbish";
  client.ask(bad, 1);
  EXPECT_EQ(client.error().code, ErrorCode::kNotAllowed);
  bad.ticket = broker::make_ticket(sha256("earlier start"), {kSession, TaskId{7}, 2, {}});
  client.ask(bad, 2);
  EXPECT_EQ(client.error().code, ErrorCode::kNotAllowed);
  bad.ticket = broker::make_ticket(kSecret, {kSession, TaskId{7}, 2, net::now().instant - 1s});
  client.ask(bad, 3);
  EXPECT_EQ(client.error().code, ErrorCode::kNotAllowed);
  client.ask(protocol::GetBlob{sha256("x"), 0, 100, ticket()}, 4);  // for a log
  EXPECT_EQ(client.error().code, ErrorCode::kNotAllowed);
}

TEST_F(RelayTest, AWorkerThatDoesNotComeOrDoesNotAnswerIsReported) {
  start();
  Peer client(context, relay->address());
  client.ask(request(), 1);
  EXPECT_EQ(client.error().message, "the worker does not connect");
  Peer worker(context, relay->address());
  attach(worker);
  client.ask(request(), 2);
  ASSERT_TRUE(worker.receive());
  EXPECT_EQ(client.error().message, "the worker does not answer");
}

TEST_F(RelayTest, ARequestWaitsForItsWorkerToAttach) {
  start({.attach = 30s});
  Peer client(context, relay->address());
  client.ask(request(), 1);
  Peer worker(context, relay->address());
  attach(worker);
  EXPECT_TRUE(worker.receive());
}

TEST_F(RelayTest, AWorkerThatVanishesIsReported) {
  start({.attach = 30s, .reply = 30s});
  Peer client(context, relay->address());
  {
    Peer worker(context, relay->address());
    attach(worker);
    client.ask(request(), 1);
    ASSERT_TRUE(worker.receive());
  }
  // Whether the connection is gone shows when something is to be sent.
  const Instant deadline = net::now().instant + 30s;
  std::optional<std::string> frame;
  for (std::uint64_t number = 2; !frame && net::now().instant < deadline; ++number) {
    client.ask(request(), number);
    frame = client.receive(50ms);
  }
  ASSERT_TRUE(frame);
  const auto reply = protocol::decode_bulk_reply(*frame);
  ASSERT_TRUE(reply && std::holds_alternative<StreamError>(reply->message));
  EXPECT_NE(std::get<StreamError>(reply->message).code, ErrorCode::kNotAllowed);
}

TEST_F(RelayTest, AClientMayAskForItsWindowAndNoMore) {
  start({.window = 3, .attach = 30s});
  Peer client(context, relay->address());
  Peer other(context, relay->address());
  for (std::uint64_t number = 1; number <= 4; ++number) client.ask(request(), number);
  const auto refused = client.reply();
  EXPECT_EQ(refused.number, 4u);
  EXPECT_EQ(std::get<StreamError>(refused.message).code, ErrorCode::kLimit);
  other.ask(request(), 1);
  Peer worker(context, relay->address());
  attach(worker);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(worker.receive()) << i;
}

TEST_F(RelayTest, RubbishAndForgeriesAreDroppedAndCounted) {
  start({.attach = 30s, .reply = 30s});
  Peer client(context, relay->address());
  Peer worker(context, relay->address());
  Peer stranger(context, relay->address());
  attach(worker);
  client.ask(request(), 1);
  const auto asked = protocol::decode_bulk_request(worker.receive().value_or(""));
  ASSERT_TRUE(asked);
  stranger.send("rubbish");
  stranger.send(std::string("\x93\x01\xcf", 3));
  stranger.send("");
  stranger.send(protocol::encode(BulkReply(LogData{true, 0, 4, true, "fake", {}}), asked->number));
  stranger.ask(protocol::Attach{kSession, sha256("guess")}, 0);
  stranger.ask(request(), protocol::kRelayedNumberMin + 5);
  stranger.ask(protocol::GetBlob{sha256("x"), 0, 1, ""}, 9);
  EXPECT_EQ(stranger.reply().number, 9u);  // all before it was dealt with
  EXPECT_EQ(relay->malformed(), 6u);
  worker.send(protocol::encode(BulkReply(LogData{true, 0, 4, true, "true", {}}), asked->number));
  EXPECT_EQ(std::get<LogData>(client.reply().message).data, "true");
}

/// A worker's stream server behind the relay.
class StreamTest : public RelayTest {
 protected:
  void SetUp() override {
    start({});
    streams.emplace(store, folders);
    streams->attend(relay->address(), {kSession, broker::attach_key(kSecret, kSession)});
  }
  void write(std::string_view text) {
    const auto at = index.state().size;
    ASSERT_EQ(pwrite(file.get(), text.data(), text.size(), static_cast<off_t>(at)),
              static_cast<ssize_t>(text.size()));
    index.grow(at + text.size(), 1);
  }
  LogData data(Peer& client) {
    const auto envelope = client.reply();
    const auto* data = std::get_if<LogData>(&envelope.message);
    EXPECT_NE(data, nullptr);
    return data != nullptr ? *data : LogData{};
  }

  test::TempFolder folder;
  worker::ArtifactStore store = *worker::ArtifactStore::open(folder / "artifacts");
  worker::AttemptFolders folders = *worker::AttemptFolders::open(folder / "scratch");
  std::filesystem::path log = folders.paths({0, TaskId{7}, 2}, PipelineId{}).log;
  worker::LogIndex index = *worker::LogIndex::create(log, 1 << 20, 1 << 20);
  UniqueFd file{open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  std::optional<worker::StreamServer> streams;
};

TEST_F(StreamTest, WhoWaitsAtTheEndIsToldWhenThereIsMore) {
  Peer client(context, relay->address());
  write("one");
  GetLog waiting = request();
  waiting.wait_ms = 30'000;
  client.ask(waiting, 1);
  EXPECT_EQ(data(client).data, "one");
  waiting.offset = 3;
  client.ask(waiting, 2);
  EXPECT_FALSE(client.receive(20ms));
  write("two");
  EXPECT_EQ(data(client).data, "two");
  waiting.offset = 6;
  client.ask(waiting, 3);
  EXPECT_FALSE(client.receive(20ms));
  index.finish();
  EXPECT_TRUE(data(client).finished);
}

TEST_F(StreamTest, WaitingEndsInTime) {
  Peer client(context, relay->address());
  GetLog waiting = request();
  waiting.wait_ms = 30;
  client.ask(waiting, 1);
  const LogData reply = data(client);
  EXPECT_TRUE(reply.found);
  EXPECT_EQ(reply.data, "");
  EXPECT_FALSE(reply.finished);
}

TEST_F(StreamTest, BlobsAreReadByDigest) {
  const Digest blob = *store.add_blob("content");
  Peer client(context, relay->address());
  client.ask(protocol::GetBlob{blob, 3, 100, ticket(kSession, TaskId{})}, 1);
  const auto envelope = client.reply();
  EXPECT_EQ(std::get<protocol::BlobData>(envelope.message).data, "tent");
}

TEST_F(StreamTest, AReaderThatDoesNotReadHoldsBackNobody) {
  write(std::string(1 << 20, 'x'));
  net::Dealer idle(context);
  ASSERT_TRUE(idle.connect(relay->address()));
  Peer client(context, relay->address());
  GetLog whole = request();
  whole.limit = protocol::kBlobChunkBytesMax;
  // Far more than its window, its queue and the kernel take.
  std::uint64_t sent = 0;
  for (std::uint64_t number = 1; relay->undelivered() == 0; ++number) {
    if (idle.send(protocol::encode(BulkRequest(whole), number))) ++sent;
    if (number % 16 != 0) continue;
    client.ask(whole, number);
    ASSERT_EQ(data(client).data.size(), protocol::kBlobChunkBytesMax) << sent;
    ASSERT_LT(sent, 1'000'000u);
  }
}

}  // namespace
}  // namespace landseer
