/// The broker's core with workers and clients played by the test: virtual time, every message
/// through the codec, invariants after every step. Mail that a test did not look at is an error.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "broker/core/broker.h"
#include "broker/core/groups.h"
#include "broker/core/state_digest.h"
#include "common/protocol/codec.h"

namespace landseer::broker::testing {

using namespace std::chrono_literals;

/// A worker as the broker sees it: remembers what it was told.
struct FakeWorker {
  PeerId peer{};
  std::string name;
  std::uint64_t instance = 1;
  std::uint64_t session = 0;
  std::uint64_t epoch = 0;
  std::vector<protocol::Verdict> verdicts;
  std::deque<protocol::Assignment> assigned;  ///< not yet taken by the test
  std::vector<protocol::WorkSpec> specs;      ///< parallel to everything ever assigned
  std::vector<protocol::AttemptRef> stopped;
  std::vector<protocol::AttemptRef> recalled;
  std::vector<protocol::AttemptRef> acknowledged;
  std::vector<protocol::Attend> attends;
  std::uint32_t rehellos = 0;
  std::vector<Digest> released;
  std::vector<protocol::Refused> refused;
  std::uint64_t beats_answered = 0;
  std::deque<protocol::CheckContents> checks;  ///< not yet answered
  Caller key = local_caller();
};

class BrokerHarness {
 public:
  explicit BrokerHarness(Duration lease = 120s) : BrokerHarness(make_settings(lease)) {}
  explicit BrokerHarness(const Settings& settings) : broker(settings) {
    now.instant = Instant{1'000'000'000};
    now.wall = WallTime{1'700'000'000'000};
  }

  // --- Time ---
  void advance(Duration by) {
    const Instant end = now.instant + by;
    for (auto due = broker.next_deadline(now); due && *due <= end;
         due = broker.next_deadline(now)) {
      set_time(std::max(*due, now.instant));
      settle();
    }
    set_time(end);
    settle();
  }

  /// Time in which the broker does nothing at all. Whatever is said next waited in its sockets.
  void stall(Duration by) { set_time(now.instant + by); }

  // --- Workers ---
  FakeWorker& worker(const std::string& name, std::uint32_t cpus = 1,
                     std::vector<protocol::AttemptRef> held = {}) {
    FakeWorker& fake = workers[name];
    fake.name = name;
    fake.key = worker_key;
    fake.peer = PeerId{next_peer_++};
    by_peer_[fake.peer] = &fake;
    protocol::Hello hello = offer;
    hello.name = name;
    hello.uid = "uid-" + name;
    hello.instance = fake.instance;
    hello.cpus_milli = 1000 * cpus;
    hello.data_address = "tcp://" + name;
    hello.held = std::move(held);
    say(fake, hello);
    return fake;
  }

  void say(FakeWorker& fake, protocol::FromWorker message) {
    const auto copy = protocol::decode_from_worker(protocol::encode(message));
    ASSERT_TRUE(copy) << copy.error().to_string();
    broker.handle(FromWorkerPeer{fake.peer, copy->message, fake.key}, now, out_);
    settle();
  }

  void beat(FakeWorker& fake) { say(fake, protocol::Heartbeat{fake.session, 1}); }

  /// Ends the oldest attempt the worker was given.
  TaskId finish(FakeWorker& fake, protocol::Outcome outcome = protocol::Outcome::kSucceeded,
                const std::string& artifact = "") {
    EXPECT_FALSE(fake.assigned.empty()) << fake.name << " has nothing to do";
    if (fake.assigned.empty()) return TaskId{};
    const protocol::Assignment work = fake.assigned.front();
    fake.assigned.pop_front();
    protocol::AttemptResult result;
    result.epoch = fake.epoch;
    result.task = work.task;
    result.attempt = work.attempt;
    result.outcome = outcome;
    if (outcome != protocol::Outcome::kSucceeded) result.reason = "because of the test";
    if (!artifact.empty()) result.artifact = sha256(artifact);
    result.started_at = now.wall.unix_ms - 5000;
    result.finished_at = now.wall.unix_ms;
    send_result(fake, result);
    return work.task;
  }

  void send_result(FakeWorker& fake, const protocol::AttemptResult& result) {
    protocol::AttemptResult said = result;
    if (said.epoch == 0) said.epoch = fake.epoch;
    say(fake, protocol::Results{fake.session, {said}});
  }

  // --- Clients ---
  protocol::ToClient ask(protocol::FromClient message) {
    tell(std::move(message));
    EXPECT_FALSE(replies.empty()) << "no answer";
    if (replies.empty()) return protocol::ErrorReply{};
    const protocol::ToClient reply = replies.back().message;
    replies.pop_back();
    return reply;
  }

  template <class T>
  T ask_for(protocol::FromClient message) {
    const protocol::ToClient reply = ask(std::move(message));
    if (const auto* error = std::get_if<protocol::ErrorReply>(&reply)) {
      ADD_FAILURE() << error->message;
    }
    EXPECT_TRUE(std::holds_alternative<T>(reply));
    return std::holds_alternative<T>(reply) ? std::get<T>(reply) : T{};
  }

  protocol::ErrorReply ask_in_vain(protocol::FromClient message) {
    const protocol::ToClient reply = ask(std::move(message));
    EXPECT_TRUE(std::holds_alternative<protocol::ErrorReply>(reply));
    return std::holds_alternative<protocol::ErrorReply>(reply)
               ? std::get<protocol::ErrorReply>(reply)
               : protocol::ErrorReply{};
  }

  /// Sends without expecting an answer at once.
  void tell(protocol::FromClient message) {
    const auto copy = protocol::decode_from_client(protocol::encode(message, ++request_));
    ASSERT_TRUE(copy) << copy.error().to_string();
    broker.handle(FromClientPeer{PeerId{7}, copy->number, copy->message, caller}, now, out_);
    settle();
  }

  protocol::Submitted submit(const protocol::Submission& submission) {
    return ask_for<protocol::Submitted>(chunk(submission));
  }

  static protocol::SubmitChunk chunk(const protocol::Submission& submission) {
    return {submission.submission_id, 0, true, protocol::encode_submission(submission)};
  }

  protocol::PipelineStatus status(PipelineId pipeline) {
    return ask_for<protocol::PipelineStatus>(protocol::WatchPipeline{pipeline, 0, false});
  }

  protocol::TaskRow task(TaskId id) {
    return ask_for<protocol::TaskDetail>(protocol::GetTask{id}).row;
  }

  // --- Building beside the core ---
  BuildRequest take_build() {
    BuildRequest first = std::move(builds.front());
    builds.pop_front();
    return first;
  }
  /// Where what the core wants goes, for what the harness has no words for.
  Outbox& mail() { return out_; }
  void finish_build(Arrival built) {
    broker.take_built(std::move(built), now, out_);
    settle();
  }

  // --- Submissions from text: one workflow a line, tools in order; equal prefixes are shared ---
  static protocol::Submission chains(const std::string& text, const std::string& id = "test") {
    protocol::Submission s;
    s.submission_id = id;
    s.name = id;
    s.use_cache = false;  // most tests are about one pipeline after the other, not about sharing
    s.configs = {"{}"};
    s.options.resize(1);
    std::map<std::string, std::uint32_t> prefixes;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string prefix;
      std::vector<std::uint32_t> members;
      for (std::string word; words >> word;) {
        prefix += word + "/";
        auto [known, added] = prefixes.emplace(prefix, static_cast<std::uint32_t>(s.tasks.size()));
        if (added) {
          protocol::TaskEntry task;
          task.tool = tool_index(s, word);
          if (!members.empty()) task.dependencies = {members.back()};
          s.tasks.push_back(task);
        }
        members.push_back(known->second);
      }
      s.workflows.push_back({"comb_" + std::to_string(s.workflows.size() + 1), members});
    }
    return s;
  }

  static Settings make_settings(Duration lease) {
    Settings settings;
    settings.epoch = 5;
    settings.lease = lease;
    settings.bulk_address = "tcp://bulk";
    settings.secret = sha256("secret");
    return settings;
  }

  Now now;
  Caller caller = local_caller();      ///< whose key requests come with
  Caller worker_key = local_caller();  ///< of workers that say Hello from now on
  protocol::Hello offer = make_offer();
  std::map<std::string, FakeWorker> workers;
  std::vector<ClientMail> replies;
  std::vector<Record> records;
  std::vector<Blob> blobs;
  std::vector<Digest> unneeded_blobs;
  std::vector<std::string> notices;
  std::vector<Audit> audits;
  std::deque<BuildRequest> builds;  ///< asked for
  bool builds_at_once = true;
  bool take_snapshots = true;
  bool answers_checks = true;  ///< workers find at once that what they offer is true
  Broker broker;

 private:
  static protocol::Hello make_offer() {
    protocol::Hello hello;
    hello.runtimes = {"process", "noop"};
    hello.memory_bytes = 1 << 30;
    return hello;
  }

  static std::uint32_t tool_index(protocol::Submission& s, const std::string& name) {
    for (std::uint32_t i = 0; i < s.tools.size(); ++i) {
      if (s.tools[i].name == name) return i;
    }
    s.tools.push_back({name, "image", "run", {}, false});
    return static_cast<std::uint32_t>(s.tools.size() - 1);
  }

  void set_time(Instant instant) {
    now.wall.unix_ms += (instant - now.instant).count() / 1'000'000;
    now.instant = instant;
  }

  void settle() {
    broker.settle(now, out_);
    broker.check_invariants();
    for (const Record& record : out_.records) {
      const auto copy = decode_record(encode_record(record));
      ASSERT_TRUE(copy);
      EXPECT_EQ(*copy, record);
      records.push_back(record);
    }
    expect_replay_is_equal();
    if (take_snapshots) advance_snapshot();
    notices.insert(notices.end(), out_.notices.begin(), out_.notices.end());
    audits.insert(audits.end(), out_.audits.begin(), out_.audits.end());
    for (Blob& blob : out_.blobs) blobs.push_back(std::move(blob));
    for (const Digest& digest : out_.unneeded_blobs) unneeded_blobs.push_back(digest);
    for (const ClientMail& mail : out_.to_clients) replies.push_back(mail);
    for (const WorkerMail& mail : out_.to_workers) deliver(mail);
    for (BuildRequest& request : out_.builds) builds.push_back(std::move(request));
    out_.clear();
    if (builds_at_once) {
      while (!builds.empty()) finish_build(build(take_build()));
    }
    if (answers_checks) answer_checks();
  }

  void answer_checks() {
    for (auto& [name, fake] : workers) {
      while (!fake.checks.empty()) {
        const std::uint64_t number = fake.checks.front().number;
        fake.checks.pop_front();
        say(fake, protocol::ContentsChecked{fake.session, number});
      }
    }
  }

  /// What a restart would find is what is there.
  void expect_replay_is_equal() {
    Broker copy(broker.state().settings);
    for (const Record& record : records) {
      const auto replayed = copy.replay(record, now);
      ASSERT_TRUE(replayed) << replayed.error().to_string();
    }
    copy.end_replay(now);
    copy.check_invariants();
    EXPECT_EQ(state_digest(copy.state()).hex(), state_digest(broker.state()).hex());
  }

  /// A snapshot is always being taken, one task a step; it must show the state it began with.
  void advance_snapshot() {
    if (!broker.snapshot_active()) {
      broker.begin_snapshot();
      snapshot_.clear();
      snapshot_state_ = state_digest(broker.state());
    }
    snapshot_.push_back(broker.next_snapshot_part(1));
    if (!broker.snapshot_active()) expect_snapshot_loads();
  }

  std::string body_of(PipelineId pipeline) const {
    for (const Record& record : records) {
      const auto* added = std::get_if<PipelineAdded>(&record);
      if (added != nullptr && added->pipeline == pipeline) return added->body;
    }
    return {};
  }

  void expect_snapshot_loads() {
    Broker copy(broker.state().settings);
    for (std::string_view part : snapshot_) {
      for (std::string_view entry; !part.empty();) {
        ASSERT_TRUE(take_entry(part, entry));
        auto item = decode_item(entry);
        ASSERT_TRUE(item) << item.error().to_string();
        if (auto* pipeline = std::get_if<PipelineItem>(&*item)) {
          pipeline->body = body_of(pipeline->pipeline);
        }
        const auto loaded = copy.load(*item, now);
        ASSERT_TRUE(loaded) << loaded.error().to_string();
      }
    }
    const auto ended = copy.end_load(now);
    ASSERT_TRUE(ended) << ended.error().to_string();
    copy.check_invariants();
    EXPECT_EQ(state_digest(copy.state()).hex(), snapshot_state_.hex());
  }

  void deliver(const WorkerMail& mail) {
    const auto copy = protocol::decode_to_worker(protocol::encode(mail.message));
    ASSERT_TRUE(copy) << copy.error().to_string();
    ASSERT_TRUE(by_peer_.contains(mail.peer));
    FakeWorker& fake = *by_peer_[mail.peer];
    if (const auto* m = std::get_if<protocol::Welcome>(&copy->message)) {
      fake.session = m->session;
      fake.epoch = m->epoch;
      fake.verdicts = m->verdicts;
    } else if (const auto* assign = std::get_if<protocol::Assign>(&copy->message)) {
      EXPECT_EQ(assign->session, fake.session);
      for (const auto& attempt : assign->attempts) {
        fake.assigned.push_back(attempt);
        fake.specs.push_back(assign->specs.at(attempt.spec));
      }
    } else if (const auto* stop = std::get_if<protocol::Stop>(&copy->message)) {
      fake.stopped.insert(fake.stopped.end(), stop->attempts.begin(), stop->attempts.end());
    } else if (const auto* recall = std::get_if<protocol::Recall>(&copy->message)) {
      fake.recalled.insert(fake.recalled.end(), recall->attempts.begin(), recall->attempts.end());
    } else if (const auto* ack = std::get_if<protocol::ResultsAck>(&copy->message)) {
      fake.acknowledged.insert(fake.acknowledged.end(), ack->attempts.begin(), ack->attempts.end());
    } else if (const auto* attend = std::get_if<protocol::Attend>(&copy->message)) {
      fake.attends.push_back(*attend);
    } else if (const auto* release = std::get_if<protocol::Release>(&copy->message)) {
      fake.released.insert(fake.released.end(), release->artifacts.begin(),
                           release->artifacts.end());
    } else if (const auto* check = std::get_if<protocol::CheckContents>(&copy->message)) {
      fake.checks.push_back(*check);
    } else if (const auto* refused = std::get_if<protocol::Refused>(&copy->message)) {
      fake.refused.push_back(*refused);
    } else if (std::holds_alternative<protocol::Rehello>(copy->message)) {
      ++fake.rehellos;
    } else if (std::holds_alternative<protocol::HeartbeatReply>(copy->message)) {
      ++fake.beats_answered;
    }
  }

  std::vector<std::string> snapshot_;  // parts of the one being taken
  Digest snapshot_state_;
  std::map<PeerId, FakeWorker*> by_peer_;
  std::uint64_t next_peer_ = 100;
  std::uint64_t request_ = 0;
  Outbox out_;
};

}  // namespace landseer::broker::testing
