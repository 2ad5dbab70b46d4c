#include "tests/fuzz/small_cluster.h"

#include "broker/core/groups.h"
#include "broker/core/snapshot_items.h"
#include "tests/fuzz/target.h"
#include "tests/protocol/examples.h"

namespace landseer::fuzz {

using namespace std::chrono_literals;

namespace {

/// Peers have one role each, so that rights are met, too.
broker::Caller caller_of(std::uint8_t peer) {
  switch (peer % 4) {
    case 1:
      return {keys::Role::kSubmitter, "anna", std::string(40, 'a'), "anna"};
    case 2:
      return {keys::Role::kReader, "ben", std::string(40, 'b'), "anna"};
    case 3:
      return {keys::Role::kWorker, "host", std::string(40, 'h'), "host"};
    default:
      return broker::local_caller();
  }
}

std::string body_of(const std::vector<broker::Record>& records, PipelineId pipeline) {
  for (const broker::Record& record : records) {
    const auto* added = std::get_if<broker::PipelineAdded>(&record);
    if (added != nullptr && added->pipeline == pipeline) return added->body;
  }
  return {};
}

}  // namespace

broker::Settings small_settings() {
  broker::Settings settings;
  settings.epoch = 5;
  settings.bulk_address = "tcp://bulk";
  settings.secret = sha256("secret");
  settings.shared_resources = {{"licence", 2}};
  settings.workers_max = 8;
  settings.pipelines_max = 8;
  return settings;
}

protocol::Submission small_submission(const std::string& id) {
  protocol::Submission s;
  s.submission_id = id;
  s.name = id;
  s.configs = {"{}", R"({"a":1})"};
  s.options.resize(2);
  s.options[0].retries = 1;
  s.options[1].named = {{"licence", 1}};
  s.tools = {{"clean", "image", "run", {}, false},
             {"train", "image", "run -x", "process", false},
             {"test", "image", "", {}, true}};
  s.tasks = {{1, 0, 0, 0, {}}, {2, 1, 0, 1, {0}}, {2, 1, 1, 0, {0}}, {5, 2, 0, 0, {1}}};
  s.workflows = {{"comb_001", {0, 1, 3}}, {"comb_002", {0, 2}}};
  s.stop_when = {"accuracy < 0.5"};
  return s;
}

SmallCluster::SmallCluster() : broker(small_settings()) {
  now.instant = Instant{1'000'000'000};
  now.wall = WallTime{1'700'000'000'000};
}

void SmallCluster::step(std::string_view& input) {
  const auto kind = static_cast<Step>(take_byte(input) % kStepKinds);
  const std::uint8_t value = take_byte(input);
  const broker::PeerId peer{value % 8u};
  switch (kind) {
    case Step::kWorker: {
      const auto frame = protocol::decode_from_worker(take_part(input));
      if (!frame) return;
      broker.handle(broker::FromWorkerPeer{peer, frame->message, caller_of(value)}, now, out_);
      break;
    }
    case Step::kClient: {
      const auto frame = protocol::decode_from_client(take_part(input));
      if (!frame) return;
      broker.handle(broker::FromClientPeer{peer, frame->number, frame->message, caller_of(value)},
                    now, out_);
      break;
    }
    case Step::kUnreachable:
      broker.handle(broker::WorkerUnreachable{peer}, now, out_);
      break;
    case Step::kDisk:
      broker.handle(broker::DiskSpace{value % 2 == 1, value * 1000u, 100'000}, now, out_);
      break;
    case Step::kWait:
      now.instant = now.instant + value * 100ms;
      now.wall.unix_ms += value * 100;
      break;
    case Step::kWaitLong:
      now.instant = now.instant + value * 10s;
      now.wall.unix_ms += value * 10'000;
      break;
  }
  settle();
}

void SmallCluster::settle() {
  broker.settle(now, out_);
  broker.check_invariants();
  for (const broker::Record& record : out_.records) {
    const auto copy = broker::decode_record(broker::encode_record(record));
    CHECK(copy.has_value() && *copy == record, "a record can be read back");
    records.push_back(record);
  }
  for (const broker::WorkerMail& mail : out_.to_workers) {
    const auto copy = protocol::decode_to_worker(protocol::encode(mail.message));
    CHECK(copy.has_value() && copy->message == mail.message, "a worker can read its mail");
  }
  for (const broker::ClientMail& mail : out_.to_clients) {
    const auto copy = protocol::decode_to_client(protocol::encode(mail.message, mail.number));
    CHECK(copy.has_value() && copy->message == mail.message, "a client can read its mail");
  }
  for (const std::string& notice : out_.notices) {
    CHECK(!has_control(notice, false), "the operator's terminal gets no control characters");
  }
  to_workers = out_.to_workers;
  out_.clear();
}

std::string SmallCluster::worker_step(std::uint8_t peer, const protocol::FromWorker& message) {
  return std::string{static_cast<char>(Step::kWorker), static_cast<char>(peer)} +
         part_of(protocol::encode(message));
}

std::string SmallCluster::client_step(std::uint8_t peer, const protocol::FromClient& message) {
  return std::string{static_cast<char>(Step::kClient), static_cast<char>(peer)} +
         part_of(protocol::encode(message, ++number_));
}

std::vector<std::string> SmallCluster::snapshot() {
  std::vector<std::string> items;
  broker.begin_snapshot();
  while (broker.snapshot_active()) {
    const std::string part = broker.next_snapshot_part(1);
    std::string_view rest = part;
    for (std::string_view item; broker::take_entry(rest, item);) items.emplace_back(item);
    CHECK(rest.empty(), "a snapshot is whole items");
  }
  return items;
}

void SmallCluster::check_recovery() {
  broker::Broker replayed(small_settings());
  for (const broker::Record& record : records) {
    CHECK(replayed.replay(record, now).has_value(), "what was recorded can be replayed");
  }
  CHECK(replayed.fingerprint() == broker.fingerprint(), "a replay leads to the same state");
  broker::Broker loaded(small_settings());
  for (const std::string& bytes : snapshot()) {
    auto item = broker::decode_item(bytes);
    CHECK(item.has_value(), "an item can be read back");
    if (auto* pipeline = std::get_if<broker::PipelineItem>(&*item)) {
      pipeline->body = body_of(records, pipeline->pipeline);
    }
    CHECK(loaded.load(*item, now).has_value(), "a snapshot can be loaded");
  }
  CHECK(loaded.end_load(now).has_value(), "a snapshot shows the state it was taken of");
  loaded.check_invariants();
}

namespace {

/// Plays the script and writes it down.
class Script {
 public:
  explicit Script(SmallCluster& cluster) : cluster_(cluster) {}

  void worker(std::uint8_t peer, const protocol::FromWorker& message) {
    take(cluster_.worker_step(peer, message));
  }
  void client(std::uint8_t peer, const protocol::FromClient& message) {
    take(cluster_.client_step(peer, message));
  }
  void plain(Step kind, std::uint8_t value) {
    take({static_cast<char>(kind), static_cast<char>(value)});
  }

  void hello(std::uint8_t peer, const std::string& name) {
    protocol::Hello hello;
    hello.name = name;
    hello.uid = "uid-" + name;
    hello.instance = 1;
    hello.cpus_milli = 2000;
    hello.memory_bytes = 1 << 30;
    hello.runtimes = {"process", "noop"};
    hello.data_address = "tcp://" + name;
    worker(peer, hello);
  }
  void submit(const std::string& id) {
    client(0,
           protocol::SubmitChunk{id, 0, true, protocol::encode_submission(small_submission(id))});
  }
  /// Ends everything that was handed out; the attempt after `bad` fails.
  void finish(std::size_t bad) {
    const auto assigned = std::exchange(assigned_, {});
    for (const auto& [peer, assign] : assigned) {
      for (const protocol::Assignment& work : assign.attempts) {
        worker(peer, protocol::Started{assign.session,
                                       {{{assign.epoch, work.task, work.attempt}, 1'700}}});
        protocol::AttemptResult result;
        result.epoch = assign.epoch;
        result.task = work.task;
        result.attempt = work.attempt;
        result.outcome =
            ended_++ == bad ? protocol::Outcome::kExitCode : protocol::Outcome::kSucceeded;
        result.reason = result.outcome == protocol::Outcome::kSucceeded ? "" : "exit code 1";
        result.artifact = sha256(to_string(work.task));
        result.metrics = R"({"accuracy":0.75})";
        worker(peer, protocol::Results{assign.session, {result}});
      }
    }
  }

  std::uint64_t session(std::uint8_t peer) const { return sessions_[peer % 8]; }
  std::vector<std::string> steps;

 private:
  void take(std::string step) {
    std::string_view rest = step;
    cluster_.step(rest);
    for (const broker::WorkerMail& mail : cluster_.to_workers) {
      const auto peer = static_cast<std::uint8_t>(mail.peer);
      if (const auto* welcome = std::get_if<protocol::Welcome>(&mail.message)) {
        sessions_[peer % 8] = welcome->session;
      } else if (const auto* assign = std::get_if<protocol::Assign>(&mail.message)) {
        assigned_.emplace_back(peer, *assign);
      }
    }
    steps.push_back(std::move(step));
  }

  SmallCluster& cluster_;
  std::uint64_t sessions_[8] = {};
  std::vector<std::pair<std::uint8_t, protocol::Assign>> assigned_;
  std::size_t ended_ = 0;
};

}  // namespace

std::vector<std::string> typical_steps(SmallCluster& cluster) {
  Script script(cluster);
  script.hello(4, "w1");
  script.submit("first");
  script.finish(1);
  script.plain(Step::kWait, 20);
  script.hello(0, "w2");
  script.submit("second");
  script.worker(4, protocol::Heartbeat{script.session(4), 1});
  script.worker(0, protocol::Heartbeat{script.session(0), 1});
  script.finish(99);
  script.client(0, protocol::Pause{PipelineId{2}, true});
  script.client(1, protocol::ListTasks{});
  script.client(2, protocol::WatchPipeline{PipelineId{1}, 0, false});
  script.client(0, protocol::Pause{PipelineId{2}, false});
  script.finish(99);
  script.plain(Step::kUnreachable, 0);
  script.plain(Step::kWaitLong, 20);
  script.hello(4, "w1");
  script.finish(99);
  script.client(0, protocol::Cancel{PipelineId{2}});
  script.client(0, protocol::Retry{PipelineId{1}});
  script.finish(99);
  script.plain(Step::kDisk, 1);
  script.worker(4, protocol::Goodbye{script.session(4)});
  return script.steps;
}

}  // namespace landseer::fuzz
