/// The worker's core with everything around it played by the test.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/protocol/codec.h"
#include "worker/core/agent.h"

namespace landseer::worker {

using namespace std::chrono_literals;
using protocol::Outcome;

/// The agent with broker, executor and workbench played by the test. Effects must be taken.
class AgentTest : public testing::Test {
 protected:
  AgentTest() { now.instant = Instant{1'000'000'000}; }

  static AgentSettings settings() {
    AgentSettings made;
    made.offer.name = "w";
    made.offer.uid = "u";
    made.offer.cpus_milli = 2000;
    made.offer.memory_bytes = 1 << 30;
    made.offer.runtimes = {"process", "noop"};
    return made;
  }

  void handle(const Event& event) {
    agent.handle(event, now, effects);
    agent.settle(now, effects);
  }
  void hear(protocol::ToWorker message) {
    const auto copy = protocol::decode_to_worker(protocol::encode(message));
    ASSERT_TRUE(copy);
    handle(Received{copy->message});
  }
  void advance(Duration by) {
    now.instant = now.instant + by;
    agent.settle(now, effects);
  }
  void welcome(std::uint64_t session = 11, std::uint64_t epoch = 5,
               std::vector<protocol::Verdict> verdicts = {}) {
    protocol::Welcome m;
    m.epoch = epoch;
    m.session = session;
    m.heartbeat_ms = 2000;
    m.lease_ms = 120'000;
    m.verdicts = std::move(verdicts);
    // Answers the latest Hello, which may have been looked at already.
    for (Effect& effect : effects) {
      const Send* send = std::get_if<Send>(&effect);
      const auto* hello = send ? std::get_if<protocol::Hello>(&send->message) : nullptr;
      if (hello != nullptr) hello_number = hello->number;
    }
    m.hello = hello_number;
    hear(m);
  }
  void assign(std::uint64_t task, const std::string& runtime = "", std::uint32_t cpus = 1000) {
    protocol::Assign m{11, 5, {}, {}};
    m.specs.resize(1);
    m.specs[0].runtime = runtime;
    m.specs[0].cpus_milli = cpus;
    m.specs[0].metrics = {"accuracy"};
    m.attempts.push_back({TaskId{task}, 1, PipelineId{1}, 0, "{}", {}});
    hear(m);
  }

  /// All effects of one kind since the last call, which forgets the others of that kind only.
  template <class T>
  std::vector<T> take() {
    std::vector<T> taken;
    std::vector<Effect> rest;
    for (Effect& effect : effects) {
      if (T* found = std::get_if<T>(&effect))
        taken.push_back(std::move(*found));
      else
        rest.push_back(std::move(effect));
    }
    effects = std::move(rest);
    return taken;
  }
  template <class T>
  std::vector<T> sent() {
    std::vector<T> messages;
    for (Send& send : take<Send>()) {
      if (const auto* hello = std::get_if<protocol::Hello>(&send.message)) {
        hello_number = hello->number;
      }
      if (T* found = std::get_if<T>(&send.message))
        messages.push_back(std::move(*found));
      else
        effects.push_back(std::move(send));
    }
    return messages;
  }

  static AttemptKey key(std::uint64_t task) { return {5, TaskId{task}, 1}; }

  /// From Assign to a running tool.
  void run(std::uint64_t task) {
    assign(task);
    handle(Prepared{key(task), {}, {}});
    EXPECT_EQ(take<worker::Run>().size(), 1u);
    handle(RunStarted{key(task), WallTime{100}});
  }
  RunEnded ended(std::uint64_t task, Outcome outcome) {
    RunEnded event;
    event.key = key(task);
    event.outcome = outcome;
    event.started_at = WallTime{100};
    event.finished_at = WallTime{200};
    return event;
  }

  /// A tool that ends without success and leaves no checkpoint.
  void fail(std::uint64_t task, Outcome outcome = Outcome::kExitCode) {
    handle(ended(task, outcome));
    EXPECT_EQ(take<CaptureCheckpoint>().size(), 1u);
    handle(CheckpointCaptured{key(task), {}, 0});
  }

  std::uint64_t hello_number = 0;
  Now now;
  Agent agent{settings()};
  std::vector<Effect> effects;
};

}  // namespace landseer::worker
