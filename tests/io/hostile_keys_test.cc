/// Peers that belong here and mean harm, at the real broker: it must go on, within its memory, and
/// serve the others. What comes after a handshake is the same with keys and without, so those that
/// no library would send for us come without.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <thread>

#include "common/protocol/limits.h"
#include "tests/io/broker_process.h"
#include "tests/io/hostile_bytes.h"
#include "tests/io/wire_peer.h"

namespace landseer {
namespace {

using namespace std::chrono_literals;
using keys::Role;
using test::code_of;
using test::Peer;
using test::wait_until;

/// Whole pieces of what send_without_end sends.
constexpr std::size_t kHeld = std::size_t{1550} * (64 * 1024 + 9);
constexpr std::size_t kMemory = 64 * 1024 * 1024;

/// The 99th of a hundred, in seconds.
double p99(std::vector<double> taken) {
  std::sort(taken.begin(), taken.end());
  return taken[taken.size() * 99 / 100];
}

/// How long each of so many requests of a person takes.
std::vector<double> ask_often(Peer& peer, int times) {
  std::vector<double> taken;
  for (int i = 0; i < times; ++i) {
    const Instant began = net::now().instant;
    EXPECT_EQ(code_of(peer.ask(protocol::ListPipelines{})), ErrorCode::kInternal);
    taken.push_back(std::chrono::duration<double>(net::now().instant - began).count());
  }
  return taken;
}

/// A message without an end, at some 50 MiB a second; returns the bytes sent when the broker had
/// enough of it, or `most`.
std::size_t send_without_end(const UniqueFd& peer, std::size_t most) {
  std::size_t sent = 0;
  const std::string piece = test::frame(std::string(64 * 1024, 'x'), test::kMore);
  while (sent < most) {
    if (send(peer.get(), piece.data(), piece.size(), MSG_NOSIGNAL) <= 0) break;
    sent += piece.size();
    net::poll({}, 1ms);  // or it were gigabytes before anybody looks, on the host of whoever tests
  }
  return sent;
}

TEST(HostileKeys, AMessageWithoutAnEndEndsItsConnection) {
  test::BrokerProcess broker(false);
  broker.options = {"--memory-limit", "64MiB"};
  broker.start();
  Peer other(broker.addresses[1]);
  for (const std::string& address : {broker.addresses[0], broker.addresses[2]}) {
    const UniqueFd peer = test::connect_dealer(address);
    ASSERT_TRUE(peer);
    constexpr std::size_t kMost = std::size_t{2} << 30;
    std::atomic<bool> over = false;
    std::size_t most = 0;
    std::thread watch([&] {
      while (!over) {
        most = std::max(most, broker.resident_bytes());
        net::poll({}, 10ms);
      }
    });
    EXPECT_LT(send_without_end(peer, kMost), kMost);
    over = true;
    watch.join();
    // What comes within the second between two looks is memory, too.
    EXPECT_LT(most, 8 * kMemory);
    EXPECT_EQ(code_of(other.ask(protocol::ListPipelines{})), ErrorCode::kInternal);
  }
  EXPECT_TRUE(wait_until([&] { return broker.resident_bytes() < kMemory; })) << "it is given back";
  EXPECT_TRUE(broker.running());
}

TEST(HostileKeys, SubmissionsWaitWhileMemoryIsShort) {
  test::BrokerProcess broker(false);
  broker.options = {"--memory-limit", "128MiB"};
  broker.start();
  UniqueFd holder = test::connect_dealer(broker.addresses[0]);
  EXPECT_EQ(send_without_end(holder, kHeld), kHeld);
  Peer other(broker.addresses[1]);
  const protocol::SubmitChunk chunk{"some", 0, true, "no submission"};
  protocol::ToClient answer;
  EXPECT_TRUE(wait_until([&] { return code_of(answer = other.ask(chunk)) == ErrorCode::kBusy; }));
  const auto& why = std::get<protocol::ErrorReply>(answer);
  EXPECT_EQ(why.retry_ms, 2000U);
  EXPECT_NE(why.hint.find("--memory-limit"), std::string::npos);
  EXPECT_EQ(code_of(other.ask(protocol::ListPipelines{})), ErrorCode::kInternal) << "all else goes";
  holder.reset();
  EXPECT_TRUE(wait_until([&] { return code_of(other.ask(chunk)) == ErrorCode::kInvalid; }))
      << "it is looked at again";
}

/// Asks for what is large, and reads nothing of it.
TEST(HostileKeys, WhoNeverReadsIsCutOffAndOthersAreServed) {
  test::BrokerProcess broker;
  const auto mine = broker.add("me", Role::kSubmitter);
  const auto theirs = broker.add("deaf", Role::kSubmitter);
  broker.start();
  Peer me(broker.addresses[1], mine);
  ask_often(me, 1);
  const std::size_t files = broker.open_files();
  net::SocketOptions small;
  small.receive_queue = 1;
  Peer deaf(broker.addresses[1], theirs, small);
  ASSERT_TRUE(deaf.send(protocol::encode(protocol::FromClient(protocol::ClientHello{}), 1)));
  ASSERT_TRUE(wait_until([&] { return broker.open_files() > files; }));
  // Refusals are answers, too.
  const std::string request = protocol::encode(protocol::FromClient(protocol::ListWorkers{}), 1);
  const Instant deadline = net::now().instant + test::kPatience;
  std::vector<double> taken;
  for (int round = 0; !deaf.watch.take() && broker.open_files() > files; ++round) {
    ASSERT_LT(net::now().instant, deadline) << "it is not cut off";
    for (int i = 0; i < 1000; ++i) static_cast<void>(deaf.dealer.send(request));
    if (round % 16 != 0) continue;  // or it were a flood, too
    const auto more = ask_often(me, 1);
    taken.insert(taken.end(), more.begin(), more.end());
  }
  EXPECT_LT(p99(taken), 1.0);
  EXPECT_TRUE(broker.running());
}

/// Whether the broker ends the connection; then it hears nothing.
bool is_ended(Peer& peer) {
  return wait_until([&] {
    while (peer.dealer.receive()) continue;
    return peer.watch.take();
  });
}

/// So many answers to so many messages that are none.
void hear_answers(Peer& peer, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    ASSERT_TRUE(peer.send("no message"));
    ASSERT_NE(peer.receive(), "") << i;
  }
}

/// Not the key: others that have it are not to blame.
TEST(HostileKeys, WhoSendsWhatMeansNothingIsHeardATimeAndThenEnded) {
  constexpr std::uint32_t kMost = net::Connections::kMalformedMax;
  test::BrokerProcess broker;
  const auto client = broker.add("me", Role::kSubmitter);
  const auto worker = broker.add("host", Role::kWorker);
  broker.start();
  Peer good(broker.addresses[1], client);
  Peer bad(broker.addresses[1], client);
  Peer mad(broker.addresses[0], worker);
  hear_answers(bad, kMost);
  hear_answers(mad, kMost);
  EXPECT_TRUE(is_ended(bad));
  EXPECT_TRUE(is_ended(mad));
  // At the bulk port nobody is answered.
  Peer dumb(broker.addresses[2], client);
  for (std::uint32_t i = 0; i < kMost; ++i) ASSERT_TRUE(dumb.send("no message"));
  EXPECT_TRUE(is_ended(dumb));
  EXPECT_EQ(code_of(good.ask(protocol::ListPipelines{})), ErrorCode::kInternal);
  EXPECT_EQ(code_of(bad.ask(protocol::ListPipelines{})), ErrorCode::kInternal)
      << "it may try again";
}

/// The ids that libzmq gives are a zero and a counter that begins anywhere. Whoever claims the next
/// one would end the broker; but nobody is told the counter, and it is one of four billion.
TEST(HostileKeys, ClaimedRoutingIdsTakeNothingFromOthers) {
  test::BrokerProcess broker(false);
  broker.start();
  Peer me(broker.addresses[1]);
  ask_often(me, 1);
  test::Random random(7);
  std::vector<UniqueFd> claims;
  const std::string request = protocol::encode(protocol::FromClient(protocol::ListWorkers{}), 1);
  for (int i = 0; i < 200; ++i) {
    // One of them is claimed fifty times.
    const std::string id =
        i % 4 == 1 ? std::string("\0same", 5) : '\0' + test::random_bytes(random, 4);
    claims.push_back(test::connect_dealer(broker.addresses[1], id));
    test::send_raw(claims.back(), test::frame(request));
  }
  ask_often(me, 10);
  Peer later(broker.addresses[1]);
  ask_often(later, 10);
  EXPECT_TRUE(broker.running());
}

class Forged : public ::testing::Test {
 protected:
  Forged()
      : one_key_(broker_.add("one", Role::kWorker)), two_key_(broker_.add("two", Role::kWorker)) {
    me_key_ = broker_.add("me", Role::kSubmitter);
    broker_.start();
  }

  template <class Message>
  static Message heard(Peer& worker) {
    for (;;) {
      const auto said = protocol::decode_to_worker(worker.receive());
      if (!said) break;
      if (const auto* wanted = std::get_if<Message>(&said->message)) return *wanted;
    }
    ADD_FAILURE() << "it is not said";
    return {};
  }
  static void say(Peer& worker, const protocol::FromWorker& message) {
    EXPECT_TRUE(worker.send(protocol::encode(message)));
  }
  static protocol::Hello hello(const std::string& name, std::uint32_t cpus_milli) {
    protocol::Hello m;
    m.uid = m.name = name;
    m.instance = m.number = 1;
    m.cpus_milli = cpus_milli;
    m.memory_bytes = 1 << 30;
    m.runtimes = {"process"};
    m.data_address = "tcp://127.0.0.1:1";
    return m;
  }
  std::uint64_t running() {
    Peer me(broker_.addresses[1], me_key_);
    const auto reply = me.ask(protocol::WatchPipeline{PipelineId{1}, 0, false});
    return std::get<protocol::PipelineStatus>(reply).row.running;
  }

  test::BrokerProcess broker_;
  net::ClientKeys one_key_;
  net::ClientKeys two_key_;
  net::ClientKeys me_key_;
};

/// Results of another worker's attempt, with one's own session, with its session, with an epoch
/// that is over; and its identity, with one's own key.
TEST_F(Forged, NewsOfAnotherWorkersAttemptsChangeNothing) {
  Peer one(broker_.addresses[0], one_key_);
  say(one, hello("one", 1000));
  const auto ones = heard<protocol::Welcome>(one);
  Peer me(broker_.addresses[1], me_key_);
  protocol::Submission s;
  s.submission_id = s.name = "mine";
  s.options.resize(1);
  s.tools.push_back({"tool", "image", "run", {}, false});
  s.configs.push_back("{}");
  s.tasks.emplace_back();
  s.workflows.push_back({"comb_001", {0}});
  me.ask(protocol::SubmitChunk{"mine", 0, true, protocol::encode_submission(s)});
  say(one, protocol::Heartbeat{ones.session, 1});
  const auto assigned = heard<protocol::Assign>(one);
  ASSERT_EQ(assigned.attempts.size(), 1U);
  Peer two(broker_.addresses[0], two_key_);
  say(two, hello("two", 1));
  const auto twos = heard<protocol::Welcome>(two);
  protocol::AttemptResult result;
  result.epoch = assigned.epoch;
  result.task = assigned.attempts[0].task;
  result.attempt = assigned.attempts[0].attempt;
  result.outcome = protocol::Outcome::kSucceeded;
  say(two, protocol::Results{twos.session, {result}});
  EXPECT_EQ(heard<protocol::ResultsAck>(two).attempts.size(), 1U) << "it may forget it";
  say(two, protocol::Results{ones.session, {result}});
  heard<protocol::Rehello>(two);
  say(two, protocol::Goodbye{ones.session});
  heard<protocol::Rehello>(two);
  say(two, hello("one", 1000));
  EXPECT_EQ(heard<protocol::Refused>(two).code, ErrorCode::kNotAllowed);
  result.epoch -= 1;
  say(one, protocol::Results{ones.session, {result}});
  heard<protocol::ResultsAck>(one);
  EXPECT_EQ(running(), 1U);
  result.epoch += 1;
  say(one, protocol::Results{ones.session, {result}});
  heard<protocol::ResultsAck>(one);
  EXPECT_EQ(running(), 0U) << "its own news are believed";
}

class Flood : public ::testing::Test {
 protected:
  void start() {
    mine_ = broker_.add("me", Role::kSubmitter);
    theirs_ = broker_.add("other", Role::kSubmitter);
    broker_.start();
  }

  /// What a person waits for while another key does its worst; recorded in seconds.
  template <class Next>
  double under(int times, Next&& next) {
    std::atomic<bool> over = false;
    std::atomic<std::uint64_t> answers = 0;
    std::thread thread([&] {
      Peer peer(broker_.addresses[1], theirs_);
      while (!over) {
        static_cast<void>(peer.dealer.send(next()));
        while (peer.dealer.receive()) ++answers;
      }
    });
    Peer me(broker_.addresses[1], mine_);
    wait_until([&] { return answers > 100; });
    const double figure = p99(ask_often(me, times));
    over = true;
    thread.join();
    RecordProperty("p99_seconds", std::to_string(figure));
    RecordProperty("answers", std::to_string(answers.load()));
    std::cout << "p99 " << figure << " s while another key got " << answers << " answers\n";
    return figure;
  }

  test::BrokerProcess broker_;
  net::ClientKeys mine_;
  net::ClientKeys theirs_;
};

TEST_F(Flood, OfRequestsHoldsUpNobodyElse) {
  start();
  const std::string request = protocol::encode(protocol::FromClient(protocol::ListWorkers{}), 1);
  EXPECT_LT(under(200, [&] { return request; }), 1.0);
}

TEST_F(Flood, OfSubmissionsHoldsUpNobodyElse) {
  start();
  std::uint64_t count = 0;
  EXPECT_LT(under(50,
                  [&] {
                    protocol::Submission s;
                    s.submission_id = s.name = "s" + std::to_string(++count);
                    s.options.resize(1);
                    s.tools.push_back({"tool", "image", "run", {}, false});
                    for (std::uint32_t i = 0; i < 200; ++i) {
                      s.configs.push_back("{\"i\":" + std::to_string(count * 1000 + i) + "}");
                      protocol::TaskEntry task;
                      task.config = i;
                      s.tasks.push_back(task);
                      s.workflows.push_back({"comb_" + std::to_string(i), {i}});
                    }
                    const protocol::SubmitChunk chunk{s.submission_id, 0, true,
                                                      protocol::encode_submission(s)};
                    return protocol::encode(protocol::FromClient(chunk), count);
                  }),
            1.0);
}

}  // namespace
}  // namespace landseer
