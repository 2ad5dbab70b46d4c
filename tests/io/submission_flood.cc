/// Clients that submit huge pipelines again and again, really or only as a plan, while somebody
/// lists and watches, submits small ones, and a worker says that it is alive. These must be
/// answered soon. The broker is the real program.
///
///   submission_flood --tasks 300000 --clients 4     what docs/testing.md has the figures of
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <thread>

#include "common/protocol/limits.h"
#include "tests/io/broker_process.h"
#include "tests/io/wire_peer.h"

namespace landseer {
namespace {

using namespace std::chrono_literals;
using test::Peer;

constexpr double kAnswerLimit = 1;  // seconds, of 99 in 100
/// Ids of one length: the next one is written over the last in the encoded submission.
constexpr std::size_t kIdBytes = 12;

struct Plan {
  std::uint32_t tasks = 50'000;
  std::uint32_t clients = 3;
  int rounds = 200;
  std::uint64_t floods = 12;  // answered at least
  bool plans_only = false;
};

[[noreturn]] void die(const std::string& what) {
  std::cerr << "submission_flood: " << what << '\n';
  std::_Exit(1);
}

std::string id_of(const std::string& word, std::uint64_t number) {
  std::string digits = std::to_string(number);
  return word + std::string(kIdBytes - word.size() - digits.size(), '0') + digits;
}

/// Tasks in chains of three, each with a configuration of its own.
protocol::Submission submission(std::uint32_t tasks, const std::string& id) {
  protocol::Submission s;
  s.submission_id = s.name = id;
  s.options.resize(1);
  for (std::uint32_t i = 0; i < 40; ++i) {
    s.tools.push_back({"tool" + std::to_string(i), "image", "run", "process", false});
  }
  for (std::uint32_t i = 0; i < tasks; ++i) {
    protocol::TaskEntry task;
    task.tool = i % 40;
    task.config = i;
    if (i % 3 != 0) task.dependencies = {i - 1};
    s.configs.push_back("{\"n\":" + std::to_string(i) + "}");
    s.tasks.push_back(task);
    if (i % 3 == 0) s.workflows.push_back({"w" + std::to_string(i), {}});
    s.workflows.back().tasks.push_back(i);
  }
  return s;
}

class Submitter {
 public:
  Submitter(const std::string& address, std::uint32_t tasks, const std::string& word)
      : peer_(address),
        word_(word),
        id_(id_of(word, 0)),
        body_(protocol::encode_submission(submission(tasks, id_))) {
    id_at_ = body_.find(id_);
  }

  /// As `landseer submit` does: four chunks under way.
  protocol::ToClient submit(bool plan_only) {
    id_ = id_of(word_, ++count_);
    body_.replace(id_at_, kIdBytes, id_);
    const std::size_t chunks =
        (body_.size() + protocol::kChunkBytesMax - 1) / protocol::kChunkBytesMax;
    std::size_t sent = 0;
    for (std::size_t taken = 0;;) {
      for (; sent < chunks && sent - taken < 4; ++sent) {
        protocol::SubmitChunk chunk{
            id_, static_cast<std::uint32_t>(sent), sent + 1 == chunks, {}, plan_only};
        chunk.data = body_.substr(sent * protocol::kChunkBytesMax, protocol::kChunkBytesMax);
        if (!peer_.send(protocol::encode(protocol::FromClient(chunk), ++peer_.number))) return {};
      }
      const auto answer = protocol::decode_to_client(peer_.receive());
      if (!answer) die("an answer that is none");
      if (!std::holds_alternative<protocol::ChunkTaken>(answer->message)) return answer->message;
      ++taken;
    }
  }
  Peer& peer() { return peer_; }

 private:
  Peer peer_;
  std::string word_;
  std::string id_;
  std::string body_;
  std::size_t id_at_ = 0;
  std::uint64_t count_ = 0;
};

/// What became of the large ones.
struct Counts {
  std::atomic<bool> over = false;
  std::atomic<std::uint64_t> planned = 0;
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> refused = 0;
  std::uint64_t all() const { return planned + accepted + refused; }
};

void flood(const std::string& address, const Plan& plan, std::uint32_t client, Counts& counts) {
  Submitter submitter(address, plan.tasks, "big" + std::to_string(client) + "-");
  for (std::uint32_t i = client; !counts.over; ++i) {
    const bool plan_only = plan.plans_only || i % 2 == 0;
    const protocol::ToClient answer = submitter.submit(plan_only);
    if (const auto* done = std::get_if<protocol::Submitted>(&answer)) {
      ++(plan_only ? counts.planned : counts.accepted);
      // Or the limit of live tasks would soon be all that is met.
      if (!plan_only) submitter.peer().ask(protocol::Cancel{done->pipeline, TaskId{}});
    } else {
      ++counts.refused;
    }
  }
}

/// Seconds, of everything that somebody waits for.
using Times = std::map<std::string, std::vector<double>>;

template <class Do>
void measure(std::vector<double>& times, Do&& act) {
  const Instant began = net::now().instant;
  act();
  times.push_back(std::chrono::duration<double>(net::now().instant - began).count());
}

protocol::Hello hello() {
  protocol::Hello m;
  m.uid = m.name = "busy";
  m.instance = m.number = 1;
  m.cpus_milli = 1000;
  m.memory_bytes = 1 << 30;
  m.runtimes = {"noop"};
  m.data_address = "tcp://127.0.0.1:1";
  return m;
}

Times work_under_flood(const test::BrokerProcess& broker, const Plan& plan, const Counts& counts) {
  Times times;
  Peer worker(broker.addresses[0]);
  worker.send(protocol::encode(protocol::FromWorker(hello())));
  const auto welcome = protocol::decode_to_worker(worker.receive());
  if (!welcome || !std::holds_alternative<protocol::Welcome>(welcome->message)) die("no welcome");
  const std::uint64_t session = std::get<protocol::Welcome>(welcome->message).session;
  Submitter me(broker.addresses[1], 20, "small-");
  PipelineId mine{};
  for (int i = 0; i < plan.rounds || counts.all() < plan.floods; ++i) {
    measure(times["submit"], [&] {
      const auto answer = me.submit(false);
      const auto* done = std::get_if<protocol::Submitted>(&answer);
      if (done != nullptr) mine = done->pipeline;
      if (done == nullptr && test::code_of(answer) != ErrorCode::kLimit)
        die("a small one is refused");
    });
    measure(times["list"], [&] { me.peer().ask(protocol::ListPipelines{}); });
    measure(times["status"], [&] { me.peer().ask(protocol::WatchPipeline{mine, 0, false}); });
    measure(times["heartbeat"], [&] {
      worker.send(
          protocol::encode(protocol::FromWorker(protocol::Heartbeat{session, std::uint64_t(i)})));
      for (;;) {
        const auto answer = protocol::decode_to_worker(worker.receive());
        if (!answer) die("an answer that is none");
        if (std::holds_alternative<protocol::HeartbeatReply>(answer->message)) break;
      }
    });
    net::poll({}, 5ms);  // a person's pace, and time for the broker to be busy with others
  }
  return times;
}

int run(const Plan& plan) {
  test::BrokerProcess broker(false);
  broker.start();
  Counts counts;
  std::vector<std::thread> clients;
  for (std::uint32_t i = 0; i < plan.clients; ++i) {
    clients.emplace_back([&, i] { flood(broker.addresses[1], plan, i, counts); });
  }
  if (!test::wait_until([&] { return counts.all() > 0; })) die("no submission is answered");
  Times times = work_under_flood(broker, plan, counts);
  counts.over = true;
  for (std::thread& client : clients) client.join();
  if (!broker.running()) die("the broker is gone");
  std::cout << counts.planned << " plans, " << counts.accepted << " pipelines and "
            << counts.refused << " refusals of " << plan.tasks << " tasks each\n";
  bool good = true;
  for (auto& [what, each] : times) {
    std::sort(each.begin(), each.end());
    const double p99 = each[each.size() * 99 / 100];
    std::cout << what << ": " << each.size() << " times, p50 " << each[each.size() / 2]
              << " s, p99 " << p99 << " s, longest " << each.back() << " s\n";
    good = good && p99 <= kAnswerLimit;
  }
  std::cout << "memory " << (broker.resident_bytes() >> 20) << " MiB\n";
  if (!broker.stop()) die("the broker did not stop well");
  const std::string checked = broker.check();
  if (!checked.starts_with("good: ")) die(checked);
  return good ? 0 : 1;
}

}  // namespace
}  // namespace landseer

int main(int argc, char** argv) {
  CLI::App app("Huge submissions, and somebody who wants an answer meanwhile.");
  landseer::Plan plan;
  app.add_option("--tasks", plan.tasks, "of each submission")->capture_default_str();
  app.add_option("--clients", plan.clients, "that submit them")->capture_default_str();
  app.add_option("--rounds", plan.rounds, "of what is timed")->capture_default_str();
  app.add_option("--floods", plan.floods, "that are answered at least")->capture_default_str();
  app.add_flag("--plans-only", plan.plans_only, "nothing is really submitted");
  CLI11_PARSE(app, argc, argv);
  return landseer::run(plan);
}
