/// Random lives of a small cluster: what is remembered about requests that nobody has room for must
/// never keep a task from running.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/broker_harness.h"

namespace landseer::broker {
namespace {

using protocol::Outcome;
using testing::BrokerHarness;
using testing::FakeWorker;
using namespace std::chrono_literals;

/// Tasks without dependencies, of nine requests.
protocol::Submission make_submission(std::mt19937& random, const std::string& id) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "t" + std::to_string(i) + "\n";
  protocol::Submission s = BrokerHarness::chains(text, id);
  s.policy = random() % 2 == 0 ? "landseer" : "finish-first";
  s.options.clear();
  for (const std::uint32_t cpus : {1u, 2u, 4u}) {
    for (const std::uint32_t gpus : {0u, 1u, 2u}) {
      protocol::OptionsEntry options;
      options.cpus_milli = 1000 * cpus;
      options.gpus_milli = 1000 * gpus;
      options.retries = 3;
      s.options.push_back(options);
    }
  }
  for (protocol::TaskEntry& task : s.tasks) task.options = static_cast<std::uint32_t>(random() % 9);
  return s;
}

class Cluster {
 public:
  explicit Cluster(std::uint32_t seed) : random_(seed) {
    harness_.take_snapshots = false;
    for (const char* name : {"a", "b", "c", "d"}) connect(name);
    harness_.submit(make_submission(random_, "first"));
    harness_.submit(make_submission(random_, "second"));
  }

  void step() {
    auto chosen = std::next(harness_.workers.begin(),
                            static_cast<std::ptrdiff_t>(random_() % harness_.workers.size()));
    FakeWorker& worker = chosen->second;
    switch (random_() % 8) {
      case 0:
        ++worker.instance;
        worker.assigned.clear();
        connect(chosen->first);
        break;
      case 1:
        harness_.advance(1s);
        for (auto& [name, each] : harness_.workers) harness_.beat(each);
        break;
      default:
        if (!worker.assigned.empty()) {
          harness_.finish(worker, random_() % 6 == 0 ? Outcome::kReturned : Outcome::kSucceeded);
        }
    }
  }

  /// Nobody has room for a task that is ready.
  void expect_nothing_is_left_out() {
    const State& state = harness_.broker.state();
    if (state.placement_due) return;
    for (const auto& [rank, id] : state.pipelines.active()) {
      const auto& scheduler = *state.pipelines.find(id)->scheduler;
      for (const std::uint32_t index : scheduler.requests()) {
        const domain::TaskPtr task = scheduler.peek(index);  // it decides for its request
        if (task == nullptr) continue;
        const Request& request = state.requests.at(task->request);
        const FoundTask found = *state.pipelines.find_task(task->id);
        for (const auto& [number, worker] : state.workers.all()) {
          EXPECT_FALSE(worker.takes_work() && worker.can_run(request) &&
                       worker.has_room(request, 0) &&
                       harness_.broker.reservations().allows(worker, found, harness_.now))
              << to_string(task->id) << " could run on " << worker.offer.name;
        }
      }
    }
  }

  bool is_over() const { return harness_.broker.state().pipelines.active().empty(); }

 private:
  void connect(const std::string& name) {
    harness_.offer.gpus.clear();
    for (std::uint32_t gpu = 0; gpu < random_() % 4; ++gpu) {
      harness_.offer.gpus.push_back({gpu, "gpu", 1 << 30});
    }
    harness_.worker(name, 2 + static_cast<std::uint32_t>(random_() % 5));
  }

  std::mt19937 random_;
  BrokerHarness harness_;
};

TEST(PlacementLife, NoTaskWaitsWhileSomebodyHasRoomForIt) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    Cluster cluster(seed);
    for (int i = 0; i < 150 && !cluster.is_over(); ++i) {
      cluster.step();
      cluster.expect_nothing_is_left_out();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ", step " << i;
    }
  }
}

}  // namespace
}  // namespace landseer::broker
